"""Routes of volumes: one flat table, under /volume."""

from typing import Any

from django.urls import URLPattern, URLResolver

from cloudweb.api.routing import versioned

METADATA: dict[str, Any] = {"get": "list", "post": "merge", "put": "replace"}
METADATA_ITEM: dict[str, Any] = {"get": "retrieve", "put": "update", "delete": "destroy"}

ROUTES: list[URLPattern | URLResolver] = []

urlpatterns: list[URLPattern | URLResolver] = versioned("v3", ROUTES)
