"""Routes of servers: one flat table, under /compute."""

from typing import Any

from django.urls import URLPattern, URLResolver, path, register_converter

from cloudweb.api.routing import versioned
from instances.api.actions import ServerActionViewSet
from instances.api.console_tokens import ConsoleTokenViewSet
from instances.api.dry_run import DryRunViewSet
from instances.api.external_events import ExternalEventViewSet
from instances.api.image_caching import ImageCachingViewSet
from instances.api.image_proxies import ImageMetadataProxyViewSet, ImageProxyViewSet
from instances.api.instance_actions import InstanceActionViewSet
from instances.api.interfaces import InterfaceViewSet
from instances.api.key_pairs import KeyPairViewSet
from instances.api.limits import LimitsViewSet, QuotaClassSetViewSet, QuotaSetViewSet
from instances.api.migrations import MigrationViewSet
from instances.api.network_proxies import (
    FloatingIpProxyViewSet,
    NetworkProxyViewSet,
    SecurityGroupProxyViewSet,
    SecurityGroupRuleProxyViewSet,
    TenantNetworkProxyViewSet,
)
from instances.api.remote_consoles import RemoteConsoleViewSet
from instances.api.removed import Removed, RemovedViewSet
from instances.api.server_groups import ServerGroupViewSet
from instances.api.server_insides import ServerInsideViewSet
from instances.api.server_parts import ServerMetadataViewSet, ServerPortViewSet
from instances.api.servers import ServerViewSet
from instances.api.tags import ServerTagViewSet
from instances.api.usage import UsageViewSet
from instances.api.volume_attachments import VolumeAttachmentViewSet
from instances.api.volume_proxies import (
    SnapshotProxyViewSet,
    VolumeProxyViewSet,
    VolumeTypeProxyViewSet,
)

register_converter(Removed, "removed")
METADATA: dict[str, Any] = {"get": "list", "post": "merge", "put": "replace"}
METADATA_ITEM: dict[str, Any] = {"get": "retrieve", "put": "update", "delete": "destroy"}
TAGS: dict[str, Any] = {"get": "list", "put": "replace", "delete": "clear"}
TAG: dict[str, Any] = METADATA_ITEM
PROXIED: dict[str, Any] = {"get": "list", "post": "create"}
GONE: dict[str, Any] = {"get": "refuse", "post": "refuse", "put": "refuse", "delete": "refuse"}
READ_ALONE: dict[str, Any] = {"get": "retrieve", "post": "associate", "delete": "destroy"}
PROXIED_ONE: dict[str, Any] = {"get": "retrieve", "delete": "destroy"}

ROUTES: list[URLPattern | URLResolver] = [
    path("servers", ServerViewSet.as_view({"get": "list", "post": "create"})),
    path("os-dry-run", DryRunViewSet.as_view({"post": "create"})),
    path("servers/detail", ServerViewSet.as_view({"get": "list_detail"})),
    path(
        "servers/<str:server_id>",
        ServerViewSet.as_view({"get": "retrieve", "put": "update", "delete": "destroy"}),
    ),
    path(
        "servers/<str:server_id>/remote-consoles",
        RemoteConsoleViewSet.as_view({"post": "create"}),
    ),
    path("servers/<str:server_id>/action", ServerActionViewSet.as_view({"post": "act"})),
    path("servers/<str:server_id>/ips", ServerPortViewSet.as_view({"get": "addresses"})),
    path(
        "servers/<str:server_id>/ips/<str:label>",
        ServerPortViewSet.as_view({"get": "addresses_of"}),
    ),
    path("servers/<str:server_id>/metadata", ServerMetadataViewSet.as_view(METADATA)),
    path(
        "servers/<str:server_id>/metadata/<str:key>",
        ServerMetadataViewSet.as_view(METADATA_ITEM),
    ),
    path("servers/<str:server_id>/tags", ServerTagViewSet.as_view(TAGS)),
    path("servers/<str:server_id>/tags/<str:tag>", ServerTagViewSet.as_view(TAG)),
    path(
        "servers/<str:server_id>/os-security-groups",
        ServerPortViewSet.as_view({"get": "security_groups"}),
    ),
    path(
        "servers/<str:server_id>/os-interface",
        InterfaceViewSet.as_view({"get": "list", "post": "create"}),
    ),
    path(
        "servers/<str:server_id>/os-interface/<str:port_id>",
        InterfaceViewSet.as_view({"get": "retrieve", "delete": "destroy"}),
    ),
    path(
        "servers/<str:server_id>/os-virtual-interfaces",
        InterfaceViewSet.as_view({"get": "list_virtual"}),
    ),
    path(
        "servers/<str:server_id>/os-volume_attachments",
        VolumeAttachmentViewSet.as_view({"get": "list", "post": "create"}),
    ),
    path(
        "servers/<str:server_id>/os-volume_attachments/<str:volume_id>",
        VolumeAttachmentViewSet.as_view({"get": "retrieve", "put": "update", "delete": "destroy"}),
    ),
    path(
        "servers/<str:server_id>/os-instance-actions",
        InstanceActionViewSet.as_view({"get": "list"}),
    ),
    path(
        "servers/<str:server_id>/os-instance-actions/<str:request_id>",
        InstanceActionViewSet.as_view({"get": "retrieve"}),
    ),
    path(
        "servers/<str:server_id>/diagnostics",
        ServerInsideViewSet.as_view({"get": "diagnostics"}),
    ),
    path("servers/<str:server_id>/topology", ServerInsideViewSet.as_view({"get": "topology"})),
    path(
        "servers/<str:server_id>/os-server-password",
        ServerInsideViewSet.as_view({"get": "password", "delete": "forget_password"}),
    ),
    path(
        "os-console-auth-tokens/<str:token>",
        ConsoleTokenViewSet.as_view({"get": "retrieve"}),
    ),
    path("os-migrations", MigrationViewSet.as_view({"get": "list"})),
    path("servers/<str:server_id>/migrations", MigrationViewSet.as_view({"get": "list_of_server"})),
    path(
        "servers/<str:server_id>/migrations/<str:migration_id>",
        MigrationViewSet.as_view({"get": "retrieve_of_server", "delete": "destroy_of_server"}),
    ),
    path(
        "servers/<str:server_id>/migrations/<str:migration_id>/action",
        MigrationViewSet.as_view({"post": "act_on"}),
    ),
    path("os-keypairs", KeyPairViewSet.as_view({"get": "list", "post": "create"})),
    path(
        "os-keypairs/<str:name>", KeyPairViewSet.as_view({"get": "retrieve", "delete": "destroy"})
    ),
    path("os-server-groups", ServerGroupViewSet.as_view({"get": "list", "post": "create"})),
    path(
        "os-server-groups/<str:group_id>",
        ServerGroupViewSet.as_view({"get": "retrieve", "delete": "destroy"}),
    ),
    path("os-server-external-events", ExternalEventViewSet.as_view({"post": "create"})),
    path("images", ImageProxyViewSet.as_view({"get": "list"})),
    path("images/detail", ImageProxyViewSet.as_view({"get": "list_detail"})),
    path("images/<str:image_id>", ImageProxyViewSet.as_view(PROXIED_ONE)),
    path("images/<str:image_id>/metadata", ImageMetadataProxyViewSet.as_view(METADATA)),
    path(
        "images/<str:image_id>/metadata/<str:key>",
        ImageMetadataProxyViewSet.as_view(METADATA_ITEM),
    ),
    path(
        "os-aggregates/<str:aggregate_id>/images",
        ImageCachingViewSet.as_view({"post": "create"}),
    ),
    path("os-networks", NetworkProxyViewSet.as_view(PROXIED)),
    path("os-networks/<str:network_id>", NetworkProxyViewSet.as_view(READ_ALONE)),
    path("os-networks/<str:network_id>/action", NetworkProxyViewSet.as_view({"post": "act"})),
    path("os-tenant-networks", TenantNetworkProxyViewSet.as_view(PROXIED)),
    path("os-tenant-networks/<str:network_id>", TenantNetworkProxyViewSet.as_view(READ_ALONE)),
    path("os-floating-ips", FloatingIpProxyViewSet.as_view(PROXIED)),
    path("os-floating-ips/<str:floating_ip_id>", FloatingIpProxyViewSet.as_view(PROXIED_ONE)),
    path("os-floating-ip-pools", FloatingIpProxyViewSet.as_view({"get": "pools"})),
    path("os-security-groups", SecurityGroupProxyViewSet.as_view(PROXIED)),
    path(
        "os-security-groups/<str:group_id>",
        SecurityGroupProxyViewSet.as_view({**PROXIED_ONE, "put": "update"}),
    ),
    path("os-security-group-rules", SecurityGroupRuleProxyViewSet.as_view({"post": "create"})),
    path(
        "os-security-group-rules/<str:rule_id>",
        SecurityGroupRuleProxyViewSet.as_view({"delete": "destroy"}),
    ),
    path("<removed:removed>", RemovedViewSet.as_view(GONE)),
    path("os-volumes", VolumeProxyViewSet.as_view(PROXIED)),
    path("os-volumes/detail", VolumeProxyViewSet.as_view({"get": "list"})),
    path("os-volumes/<str:volume_id>", VolumeProxyViewSet.as_view(PROXIED_ONE)),
    path("os-snapshots", SnapshotProxyViewSet.as_view(PROXIED)),
    path("os-snapshots/detail", SnapshotProxyViewSet.as_view({"get": "list"})),
    path("os-snapshots/<str:snapshot_id>", SnapshotProxyViewSet.as_view(PROXIED_ONE)),
    path("os-volume-types", VolumeTypeProxyViewSet.as_view({"get": "list"})),
    path("os-volume-types/<str:type_id>", VolumeTypeProxyViewSet.as_view({"get": "retrieve"})),
    path("os-simple-tenant-usage", UsageViewSet.as_view({"get": "list"})),
    path("os-simple-tenant-usage/<str:project_id>", UsageViewSet.as_view({"get": "retrieve"})),
    path("limits", LimitsViewSet.as_view({"get": "retrieve"})),
    path(
        "os-quota-class-sets/<str:name>",
        QuotaClassSetViewSet.as_view({"get": "retrieve", "put": "update"}),
    ),
    path(
        "os-quota-sets/<str:project_id>",
        QuotaSetViewSet.as_view({"get": "retrieve", "put": "update", "delete": "destroy"}),
    ),
    path(
        "os-quota-sets/<str:project_id>/defaults",
        QuotaSetViewSet.as_view({"get": "retrieve_defaults"}),
    ),
    path(
        "os-quota-sets/<str:project_id>/detail",
        QuotaSetViewSet.as_view({"get": "retrieve_detail"}),
    ),
]

urlpatterns: list[URLPattern | URLResolver] = versioned("v2.1", ROUTES)
