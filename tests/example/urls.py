"""The map of the product with the example's lines, for the suite alone."""

from django.urls import include, path

from cloudweb.urls import *  # noqa: F403
from cloudweb.urls import urlpatterns as product

urlpatterns = [path("database", include("tests.example.api.urls")), *product]
