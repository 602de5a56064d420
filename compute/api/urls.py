"""Routes of compute: one flat table, under /compute."""

from django.urls import URLPattern, URLResolver, path

from cloudweb.api.routing import versioned
from compute.api.aggregates import AggregateViewSet
from compute.api.extensions import ExtensionViewSet
from compute.api.flavor_access import FlavorAccessViewSet
from compute.api.flavor_extra_specs import FlavorExtraSpecViewSet
from compute.api.flavors import FlavorViewSet
from compute.api.hosts import HostViewSet
from compute.api.hypervisors import HypervisorViewSet
from compute.api.services import ServiceCollection
from compute.api.versions import VersionViewSet
from compute.api.zones import ZoneViewSet

ROUTES: list[URLPattern | URLResolver] = [
    path("flavors", FlavorViewSet.as_view({"get": "list", "post": "create"})),
    path("flavors/detail", FlavorViewSet.as_view({"get": "list_detail"})),
    path(
        "flavors/<str:flavor_id>",
        FlavorViewSet.as_view({"get": "retrieve", "put": "update", "delete": "destroy"}),
    ),
    path("flavors/<str:flavor_id>/action", FlavorAccessViewSet.as_view({"post": "act"})),
    path("flavors/<str:flavor_id>/os-flavor-access", FlavorAccessViewSet.as_view({"get": "list"})),
    path(
        "flavors/<str:flavor_id>/os-extra_specs",
        FlavorExtraSpecViewSet.as_view({"get": "list", "post": "create"}),
    ),
    path(
        "flavors/<str:flavor_id>/os-extra_specs/<str:key>",
        FlavorExtraSpecViewSet.as_view({"get": "retrieve", "put": "update", "delete": "destroy"}),
    ),
    path("os-services", ServiceCollection.as_view({"get": "list"})),
    path(
        "os-services/<str:service_id>",
        ServiceCollection.as_view({"put": "update", "delete": "destroy"}),
    ),
    path("os-hosts", HostViewSet.as_view({"get": "list"})),
    path("os-hosts/<str:host>", HostViewSet.as_view({"get": "retrieve", "put": "update"})),
    path("os-hypervisors", HypervisorViewSet.as_view({"get": "list"})),
    path("os-hypervisors/detail", HypervisorViewSet.as_view({"get": "list_detail"})),
    path("os-hypervisors/statistics", HypervisorViewSet.as_view({"get": "statistics"})),
    path("os-hypervisors/<str:hypervisor_id>", HypervisorViewSet.as_view({"get": "retrieve"})),
    path("os-hypervisors/<str:hypervisor_id>/uptime", HypervisorViewSet.as_view({"get": "uptime"})),
    path("os-hypervisors/<str:pattern>/search", HypervisorViewSet.as_view({"get": "search"})),
    path("os-hypervisors/<str:pattern>/servers", HypervisorViewSet.as_view({"get": "servers"})),
    path("os-availability-zone", ZoneViewSet.as_view({"get": "list"})),
    path("os-availability-zone/detail", ZoneViewSet.as_view({"get": "list_detail"})),
    path("os-aggregates", AggregateViewSet.as_view({"get": "list", "post": "create"})),
    path(
        "os-aggregates/<str:aggregate_id>",
        AggregateViewSet.as_view({"get": "retrieve", "put": "update", "delete": "destroy"}),
    ),
    path("os-aggregates/<str:aggregate_id>/action", AggregateViewSet.as_view({"post": "act"})),
    path("extensions", ExtensionViewSet.as_view({"get": "list"})),
    path("extensions/<str:alias>", ExtensionViewSet.as_view({"get": "retrieve"})),
]

urlpatterns: list[URLPattern | URLResolver] = [
    path("", VersionViewSet.as_view({"get": "list"})),
    path("/v2", VersionViewSet.as_view({"get": "retrieve_first"})),
    path("/v2.1", VersionViewSet.as_view({"get": "retrieve"})),
    *versioned("v2.1", ROUTES),
]
