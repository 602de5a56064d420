"""Routes of the example: one flat table, under /database."""

from django.urls import path

from tests.example.api.shelves import ShelfViewSet

COLLECTION = {"get": "list", "post": "create"}
MEMBER = {"get": "retrieve", "put": "update", "delete": "destroy"}

urlpatterns = [
    path("/v1.0/shelves", ShelfViewSet.as_view(COLLECTION)),
    path("/v1.0/shelves/<str:shelf_id>", ShelfViewSet.as_view(MEMBER)),
]
