"""Routes of databases: one flat table, under /database."""

from typing import Any

from django.urls import URLPattern, URLResolver, path

from cloudweb.api.routing import versioned
from databases.api.absent import NoneViewSet
from databases.api.actions import InstanceActionViewSet
from databases.api.backup_schedules import DatabaseBackupScheduleViewSet
from databases.api.backup_strategies import BackupStrategyViewSet
from databases.api.backups import DatabaseBackupProofViewSet, DatabaseBackupViewSet
from databases.api.configurations import ConfigurationViewSet
from databases.api.contents import (
    DatabaseUserViewSet,
    DatabaseViewSet,
    LogViewSet,
    RootViewSet,
)
from databases.api.datastores import (
    AnyVersionViewSet,
    DatastoreVersionViewSet,
    DatastoreViewSet,
    ManagedVersionViewSet,
    OfferedVersionViewSet,
)
from databases.api.flavors import DatabaseFlavorViewSet
from databases.api.instances import DatabaseInstanceViewSet
from databases.api.limits import LimitsViewSet, QuotaViewSet
from databases.api.managed import ManagedInstanceViewSet
from databases.api.point_in_time import PointInTimeViewSet
from databases.api.versions import VersionViewSet
from databases.api.volume_types import DatabaseVolumeTypeViewSet

ONE: dict[str, Any] = {"get": "retrieve", "put": "update", "delete": "destroy"}
COLLECTION: dict[str, Any] = {"get": "list", "post": "create"}
DATASTORE = "datastores/<str:datastore>"
#: Versions by id alone.
ANY = "datastores/versions/<str:version>"
VERSION = f"{DATASTORE}/versions/<str:version>"
PARAMETERS: dict[str, Any] = {"get": "list_parameters"}
PARAMETER: dict[str, Any] = {"get": "retrieve_parameter"}

INSTANCE = "instances/<str:instance_id>"
USER = f"{INSTANCE}/users/<str:user>"
CONFIGURATION = "configurations/<str:configuration_id>"

ROUTES: list[URLPattern | URLResolver] = [
    path("instances", DatabaseInstanceViewSet.as_view(COLLECTION)),
    path("instances/detail", DatabaseInstanceViewSet.as_view({"get": "list_detail"})),
    path(INSTANCE, DatabaseInstanceViewSet.as_view({**ONE, "patch": "partial_update"})),
    path(f"{INSTANCE}/action", InstanceActionViewSet.as_view({"post": "act"})),
    path(
        f"{INSTANCE}/configuration",
        InstanceActionViewSet.as_view({"get": "retrieve_configuration"}),
    ),
    path(f"{INSTANCE}/ssl", InstanceActionViewSet.as_view({"get": "retrieve_ssl"})),
    path(f"{INSTANCE}/databases", DatabaseViewSet.as_view(COLLECTION)),
    path(f"{INSTANCE}/databases/<str:name>", DatabaseViewSet.as_view({"delete": "destroy"})),
    path(
        f"{INSTANCE}/users",
        DatabaseUserViewSet.as_view({**COLLECTION, "put": "update_passwords"}),
    ),
    path(USER, DatabaseUserViewSet.as_view(ONE)),
    path(
        f"{USER}/databases",
        DatabaseUserViewSet.as_view({"get": "list_access", "put": "grant"}),
    ),
    path(f"{USER}/databases/<str:database>", DatabaseUserViewSet.as_view({"delete": "revoke"})),
    path(
        f"{INSTANCE}/root",
        RootViewSet.as_view({"get": "retrieve", "post": "create", "delete": "destroy"}),
    ),
    path(f"{INSTANCE}/backups", DatabaseBackupViewSet.as_view({"get": "list_of_instance"})),
    path("backups", DatabaseBackupViewSet.as_view(COLLECTION)),
    path(
        "backups/<str:backup_id>",
        DatabaseBackupViewSet.as_view({"get": "retrieve", "delete": "destroy"}),
    ),
    path("backup_proofs", DatabaseBackupProofViewSet.as_view({"post": "create"})),
    path(
        f"{INSTANCE}/point_in_time",
        PointInTimeViewSet.as_view({"get": "retrieve", "put": "update"}),
    ),
    path("backup_schedules", DatabaseBackupScheduleViewSet.as_view(COLLECTION)),
    path("backup_schedules/<str:schedule_id>", DatabaseBackupScheduleViewSet.as_view(ONE)),
    path("backup_strategies", BackupStrategyViewSet.as_view({**COLLECTION, "delete": "destroy"})),
    path(f"{INSTANCE}/log", LogViewSet.as_view({"get": "list", "post": "show"})),
    path("configurations", ConfigurationViewSet.as_view(COLLECTION)),
    path(CONFIGURATION, ConfigurationViewSet.as_view({**ONE, "patch": "partial_update"})),
    path(f"{CONFIGURATION}/instances", ConfigurationViewSet.as_view({"get": "list_instances"})),
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
    path(
        f"{VERSION}/volume-types",
        DatabaseVolumeTypeViewSet.as_view({"get": "list_of_version"}),
    ),
    path("volume-types", DatabaseVolumeTypeViewSet.as_view({"get": "list"})),
    path("volume-types/<str:type_id>", DatabaseVolumeTypeViewSet.as_view({"get": "retrieve"})),
    path("flavors", DatabaseFlavorViewSet.as_view({"get": "list"})),
    path("flavors/<str:flavor_id>", DatabaseFlavorViewSet.as_view({"get": "retrieve"})),
    path("limits", LimitsViewSet.as_view({"get": "list"})),
    path(
        "mgmt/quotas/<str:project_id>",
        QuotaViewSet.as_view({"get": "retrieve", "put": "update"}),
    ),
    path("clusters", NoneViewSet.as_view({"get": "list_clusters"})),
    path("modules", NoneViewSet.as_view({"get": "list_modules"})),
    path("mgmt/instances", ManagedInstanceViewSet.as_view({"get": "list"})),
    path(f"mgmt/{INSTANCE}", ManagedInstanceViewSet.as_view({"get": "retrieve"})),
    path(f"mgmt/{INSTANCE}/root", ManagedInstanceViewSet.as_view({"get": "retrieve_root"})),
    path(f"mgmt/{INSTANCE}/action", ManagedInstanceViewSet.as_view({"post": "act"})),
    path(f"mgmt/{ANY}/parameters", ManagedVersionViewSet.as_view(PARAMETERS)),
    path(f"mgmt/{ANY}/parameters/<str:name>", ManagedVersionViewSet.as_view(PARAMETER)),
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
