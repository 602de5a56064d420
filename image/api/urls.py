"""Routes of image: one flat table."""

from __future__ import annotations

from typing import Any

from django.urls import URLPattern, URLResolver, path

from image.api.data import ImageDataViewSet, SignedDataView
from image.api.discovery import ImportInfoView, RootView, V2View, VersionsView
from image.api.images import ImageViewSet
from image.api.members import ImageMemberViewSet
from image.api.schemas import ImageSchemaView, ImagesSchemaView

Actions = dict[str, Any]
COLLECTION: Actions = {"get": "list", "post": "create"}
MEMBER: Actions = {"get": "retrieve", "patch": "partial_update", "delete": "destroy"}
DATA: Actions = {"get": "download", "put": "upload"}
MEMBERS: Actions = COLLECTION
ONE_MEMBER: Actions = {"get": "retrieve", "put": "update", "delete": "destroy"}
TAG: Actions = {"put": "add_tag", "delete": "delete_tag"}
IMAGE = "/v2/images/<str:image_id>"

urlpatterns: list[URLPattern | URLResolver] = [
    path("", RootView.as_view()),
    path("/versions", VersionsView.as_view()),
    path("/v2", V2View.as_view()),
    path("/v2/images", ImageViewSet.as_view(COLLECTION)),
    path(IMAGE, ImageViewSet.as_view(MEMBER)),
    path(f"{IMAGE}/file", ImageDataViewSet.as_view(DATA)),
    path(f"{IMAGE}/tags/<str:tag>", ImageViewSet.as_view(TAG)),
    path(f"{IMAGE}/members", ImageMemberViewSet.as_view(MEMBERS)),
    path(f"{IMAGE}/members/<str:member_id>", ImageMemberViewSet.as_view(ONE_MEMBER)),
    path(f"{IMAGE}/actions/deactivate", ImageViewSet.as_view({"post": "deactivate"})),
    path(f"{IMAGE}/actions/reactivate", ImageViewSet.as_view({"post": "reactivate"})),
    path("/v2/info/import", ImportInfoView.as_view()),
    path("/v2/schemas/image", ImageSchemaView.as_view()),
    path("/v2/schemas/images", ImagesSchemaView.as_view()),
    path("/signed/<uuid:image_id>", SignedDataView.as_view()),  # what hosts fetch, see locations.py
]
