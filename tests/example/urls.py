"""The map of the product with the example's lines, for the suite alone."""

from django.urls import include, path

from cloudweb.urls import *  # noqa: F403
from cloudweb.urls import urlpatterns as product
from tests.example.pages import Shelves

urlpatterns = [
    path("database", include("tests.example.api.urls")),
    path("shelves", Shelves.as_view(), name="shelves"),
    *product,
]
