"""What guests ask, under /metadata."""

from django.urls import path

from instances.api.metadata import metadata

urlpatterns = [
    path("", metadata),
    path("/<path:path>", metadata),
]
