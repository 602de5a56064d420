"""Routes of volumes: one flat table, under /volume."""

from typing import Any

from django.urls import URLPattern, URLResolver, path

from cloudweb.api.routing import versioned
from volume.api.versions import VersionViewSet

METADATA: dict[str, Any] = {"get": "list", "post": "merge", "put": "replace"}
METADATA_ITEM: dict[str, Any] = {"get": "retrieve", "put": "update", "delete": "destroy"}

ROUTES: list[URLPattern | URLResolver] = []

urlpatterns: list[URLPattern | URLResolver] = [
    path("", VersionViewSet.as_view({"get": "list"})),
    path("/v3", VersionViewSet.as_view({"get": "retrieve"})),
    *versioned("v3", ROUTES),
]
