"""Routes of databases: one flat table, under /database."""

from typing import Any

from django.urls import URLPattern, URLResolver, path

from cloudweb.api.routing import versioned
from databases.api.datastores import (
    AnyVersionViewSet,
    DatastoreVersionViewSet,
    DatastoreViewSet,
    OfferedVersionViewSet,
)
from databases.api.flavors import DatabaseFlavorViewSet
from databases.api.instances import DatabaseInstanceViewSet
from databases.api.limits import LimitsViewSet, QuotaViewSet
from databases.api.versions import VersionViewSet

COLLECTION: dict[str, Any] = {"get": "list", "post": "create"}
DATASTORE = "datastores/<str:datastore>"
#: Versions by id alone.
ANY = "datastores/versions/<str:version>"
VERSION = f"{DATASTORE}/versions/<str:version>"
PARAMETERS: dict[str, Any] = {"get": "list_parameters"}
PARAMETER: dict[str, Any] = {"get": "retrieve_parameter"}

INSTANCE = "instances/<str:instance_id>"

ROUTES: list[URLPattern | URLResolver] = [
    path("instances", DatabaseInstanceViewSet.as_view(COLLECTION)),
    path("instances/detail", DatabaseInstanceViewSet.as_view({"get": "list_detail"})),
    path(INSTANCE, DatabaseInstanceViewSet.as_view({"get": "retrieve", "delete": "destroy"})),
    path("datastores", DatastoreViewSet.as_view({"get": "list"})),
    path(ANY, AnyVersionViewSet.as_view({"get": "retrieve"})),
    path(f"{ANY}/parameters", AnyVersionViewSet.as_view(PARAMETERS)),
    path(f"{ANY}/parameters/<str:name>", AnyVersionViewSet.as_view(PARAMETER)),
    path(DATASTORE, DatastoreViewSet.as_view({"get": "retrieve", "delete": "destroy"})),
    path(f"{DATASTORE}/versions", DatastoreVersionViewSet.as_view({"get": "list"})),
    path(VERSION, DatastoreVersionViewSet.as_view({"get": "retrieve"})),
    path(f"{VERSION}/parameters", DatastoreVersionViewSet.as_view(PARAMETERS)),
    path(f"{VERSION}/parameters/<str:name>", DatastoreVersionViewSet.as_view(PARAMETER)),
    path(f"{VERSION}/flavors", DatastoreVersionViewSet.as_view({"get": "list_flavors"})),
    path("flavors", DatabaseFlavorViewSet.as_view({"get": "list"})),
    path("flavors/<str:flavor_id>", DatabaseFlavorViewSet.as_view({"get": "retrieve"})),
    path("limits", LimitsViewSet.as_view({"get": "list"})),
    path(
        "mgmt/quotas/<str:project_id>",
        QuotaViewSet.as_view({"get": "retrieve", "put": "update"}),
    ),
    path("mgmt/datastore-versions", OfferedVersionViewSet.as_view(COLLECTION)),
    path(
        "mgmt/datastore-versions/<str:version>",
        OfferedVersionViewSet.as_view({"get": "retrieve", "patch": "update", "delete": "destroy"}),
    ),
]

urlpatterns = [
    path("", VersionViewSet.as_view({"get": "list"})),
    path("/v1.0", VersionViewSet.as_view({"get": "retrieve"})),
    *versioned("v1.0", ROUTES),
]
