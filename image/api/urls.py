"""Routes of image: one flat table."""

from __future__ import annotations

from typing import Any

from django.urls import URLPattern, URLResolver, path

from image.api.cache import ImageCacheViewSet
from image.api.data import ImageDataViewSet, SignedDataView
from image.api.discovery import ImportInfoView, RootView, V2View, VersionsView
from image.api.images import ImageViewSet
from image.api.imports import ImageImportViewSet
from image.api.members import ImageMemberViewSet
from image.api.metadefs.items import (
    MetadefObjectViewSet,
    MetadefPropertyViewSet,
    MetadefTagViewSet,
)
from image.api.metadefs.namespaces import MetadefNamespaceViewSet
from image.api.metadefs.resource_types import MetadefResourceTypeViewSet
from image.api.schemas import MetadefSchemaView, SchemaView
from image.api.stores import ImageCopyViewSet, StoreViewSet
from image.api.tasks import ImageTaskViewSet
from image.api.usage import ImageUsageViewSet

Actions = dict[str, Any]
COLLECTION: Actions = {"get": "list", "post": "create"}
MEMBER: Actions = {"get": "retrieve", "patch": "partial_update", "delete": "destroy"}
DATA: Actions = {"get": "download", "put": "upload"}
CACHE: Actions = {"get": "list", "delete": "clear"}
CACHED: Actions = {"put": "queue", "delete": "destroy"}
ONE: Actions = {"get": "retrieve", "put": "update", "delete": "destroy"}
TAG: Actions = {"put": "add_tag", "delete": "delete_tag"}
ITEMS: Actions = {**COLLECTION, "delete": "clear"}
METADEF_TAGS: Actions = {"get": "list", "post": "replace", "delete": "clear"}
TYPES: Actions = {"get": "list", "post": "associate"}
NAMESPACE = "/v2/metadefs/namespaces/<str:namespace>"
IMAGE = "/v2/images/<str:image_id>"

urlpatterns: list[URLPattern | URLResolver] = [
    path("", RootView.as_view()),
    path("/versions", VersionsView.as_view()),
    path("/v2", V2View.as_view()),
    path("/v2/images", ImageViewSet.as_view(COLLECTION)),
    path(IMAGE, ImageViewSet.as_view(MEMBER)),
    path(f"{IMAGE}/file", ImageDataViewSet.as_view(DATA)),
    path(f"{IMAGE}/import", ImageImportViewSet.as_view({"post": "start"})),
    path(f"{IMAGE}/stage", ImageDataViewSet.as_view({"put": "stage"})),
    path(f"{IMAGE}/locations", ImageCopyViewSet.as_view({"get": "of_image"})),
    path(f"{IMAGE}/tags/<str:tag>", ImageViewSet.as_view(TAG)),
    path(f"{IMAGE}/members", ImageMemberViewSet.as_view(COLLECTION)),
    path(f"{IMAGE}/members/<str:member_id>", ImageMemberViewSet.as_view(ONE)),
    path(f"{IMAGE}/tasks", ImageTaskViewSet.as_view({"get": "of_image"})),
    path(f"{IMAGE}/actions/deactivate", ImageViewSet.as_view({"post": "deactivate"})),
    path(f"{IMAGE}/actions/reactivate", ImageViewSet.as_view({"post": "reactivate"})),
    path("/v2/tasks", ImageTaskViewSet.as_view(COLLECTION)),
    path("/v2/tasks/<str:task_id>", ImageTaskViewSet.as_view({"get": "retrieve"})),
    path("/v2/metadefs/namespaces", MetadefNamespaceViewSet.as_view(COLLECTION)),
    path(NAMESPACE, MetadefNamespaceViewSet.as_view(ONE)),
    path(f"{NAMESPACE}/properties", MetadefPropertyViewSet.as_view(ITEMS)),
    path(f"{NAMESPACE}/properties/<str:name>", MetadefPropertyViewSet.as_view(ONE)),
    path(f"{NAMESPACE}/objects", MetadefObjectViewSet.as_view(ITEMS)),
    path(f"{NAMESPACE}/objects/<str:name>", MetadefObjectViewSet.as_view(ONE)),
    path(f"{NAMESPACE}/tags", MetadefTagViewSet.as_view(METADEF_TAGS)),
    path(f"{NAMESPACE}/tags/<str:name>", MetadefTagViewSet.as_view({**ONE, "post": "create"})),
    path(f"{NAMESPACE}/resource_types", MetadefResourceTypeViewSet.as_view(TYPES)),
    path(
        f"{NAMESPACE}/resource_types/<str:name>",
        MetadefResourceTypeViewSet.as_view({"delete": "dissociate"}),
    ),
    path("/v2/metadefs/resource_types", MetadefResourceTypeViewSet.as_view({"get": "list_types"})),
    path("/v2/info/import", ImportInfoView.as_view()),
    path("/v2/info/usage", ImageUsageViewSet.as_view({"get": "retrieve"})),
    path("/v2/info/stores", StoreViewSet.as_view({"get": "list"})),
    path("/v2/info/stores/detail", StoreViewSet.as_view({"get": "describe"})),
    path(
        "/v2/stores/<str:store_id>/<str:image_id>", ImageCopyViewSet.as_view({"delete": "remove"})
    ),
    path("/v2/cache", ImageCacheViewSet.as_view(CACHE)),
    path("/v2/cache/<str:image_id>", ImageCacheViewSet.as_view(CACHED)),
    path("/v2/schemas/<str:name>", SchemaView.as_view()),
    path("/v2/schemas/metadefs/<str:name>", MetadefSchemaView.as_view()),
    path("/signed/<uuid:image_id>", SignedDataView.as_view()),  # what hosts fetch, see locations.py
]
