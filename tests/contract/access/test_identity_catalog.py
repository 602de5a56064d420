"""Every route of the catalog, limits and federation by everybody."""

from __future__ import annotations

from tests.builders.access import EVERYBODY, Line
from tests.builders.identity_world import (
    NEW,
    anyone,
    identity_test,
    line,
    mine,
    operator,
    read,
    world,
)

__all__ = ["world"]
SERVICE = {"service": {"type": "x", "name": NEW}}
ENDPOINT = {
    "endpoint": {"service_id": "{service_id}", "interface": "public", "url": "http://x.example"}
}
REGISTERED = {
    "registered_limits": [{"service_id": "{service_id}", "resource_name": NEW, "default_limit": 5}]
}
LIMIT = {
    "service_id": "{service_id}",
    "resource_name": "spare",
    "resource_limit": 5,
    "project_id": "{project_id}",
}
PROVIDERS = "/OS-FEDERATION/identity_providers"
PROVIDER = f"{PROVIDERS}/{{provider_id}}"
PROTOCOL = f"{PROVIDER}/protocols/{{protocol}}"
MAPPINGS = "/OS-FEDERATION/mappings"
UNFINISHED = "the browser has not been at the provider: tests of log-in by OpenID Connect"
GROUPS = "/OS-EP-FILTER/endpoint_groups"
GROUP = f"{GROUPS}/{{endpoint_group_id}}"
CHOSEN = "/OS-EP-FILTER/projects/{project_id}"
POLICY = "/policies/{policy_id}"
#: What may have a policy: an endpoint, a service, a service in a region.
OF_ENDPOINT, OF_SERVICE, IN_REGION = (
    f"{POLICY}/OS-ENDPOINT-POLICY/{target}"
    for target in (
        "endpoints/{endpoint_id}",
        "services/{service_id}",
        "services/{service_id}/regions/{region_id}",
    )
)


def association(path: str) -> list[Line]:
    """Operators make and end it, readers of the system see it."""
    return [read("GET", path, 204), operator("PUT", path, 204), operator("DELETE", path, 204)]


LINES = [
    read("GET", GROUPS),
    operator(
        "POST",
        GROUPS,
        201,
        {"endpoint_group": {"name": NEW, "filters": {"interface": "public"}}},
    ),
    read("GET", GROUP),
    operator("PATCH", GROUP, 200, {"endpoint_group": {"name": NEW}}),
    operator("DELETE", GROUP, 204),
    read("GET", f"{GROUP}/endpoints"),
    read("GET", f"{GROUP}/projects"),
    read("GET", f"{GROUP}/projects/{{project_id}}"),
    operator("PUT", f"{GROUP}/projects/{{project_id}}", 204),
    operator("DELETE", f"{GROUP}/projects/{{project_id}}", 204),
    read("GET", "/OS-EP-FILTER/endpoints/{endpoint_id}/projects"),
    read("GET", f"{CHOSEN}/endpoints"),
    read("GET", f"{CHOSEN}/endpoint_groups"),
    *association(f"{CHOSEN}/endpoints/{{endpoint_id}}"),
    read("GET", "/policies"),
    operator("POST", "/policies", 201, {"policy": {"type": "text", "blob": "x"}}),
    read("GET", POLICY),
    operator("PATCH", POLICY, 200, {"policy": {"blob": "y"}}),
    operator("DELETE", POLICY, 204),
    read("GET", f"{POLICY}/OS-ENDPOINT-POLICY/endpoints"),
    read("GET", "/endpoints/{endpoint_id}/OS-ENDPOINT-POLICY/policy"),
    *association(OF_ENDPOINT),
    *association(OF_SERVICE),
    *association(IN_REGION),
    anyone("GET", "/regions"),
    operator("POST", "/regions", 201, {"region": {"id": NEW}}),
    anyone("GET", "/regions/{region_id}"),
    operator("PUT", "/regions/{new}", 201, {"region": {}}),
    operator("PATCH", "/regions/{region_id}", 200, {"region": {"description": NEW}}),
    operator("DELETE", "/regions/{spare_region_id}", 204),
    read("GET", "/services"),
    operator("POST", "/services", 201, SERVICE),
    read("GET", "/services/{service_id}"),
    operator("PATCH", "/services/{service_id}", 200, SERVICE),
    operator("DELETE", "/services/{spare_service_id}", 204),
    read("GET", "/endpoints"),
    operator("POST", "/endpoints", 201, ENDPOINT),
    read("GET", "/endpoints/{endpoint_id}"),
    operator("PATCH", "/endpoints/{endpoint_id}", 200, {"endpoint": {"enabled": False}}),
    operator("DELETE", "/endpoints/{endpoint_id}", 204),
    anyone("GET", "/registered_limits"),
    operator("POST", "/registered_limits", 201, REGISTERED),
    anyone("GET", "/registered_limits/{registered_id}"),
    operator(
        "PATCH",
        "/registered_limits/{registered_id}",
        200,
        {"registered_limit": {"default_limit": 1}},
    ),
    operator("DELETE", "/registered_limits/{spare_registered_id}", 204),
    anyone("GET", "/limits"),
    anyone("GET", "/limits/model"),
    operator("POST", "/limits", 201, {"limits": [LIMIT]}),
    mine("/limits/{limit_id}"),
    operator("PATCH", "/limits/{limit_id}", 200, {"limit": {"resource_limit": 1}}),
    operator("DELETE", "/limits/{limit_id}", 204),
    read("GET", PROVIDERS),
    operator("PUT", f"{PROVIDERS}/{{new}}", 201, {"identity_provider": {}}),
    read("GET", PROVIDER),
    operator("PATCH", PROVIDER, 200, {"identity_provider": {}}),
    operator("DELETE", PROVIDER, 204),
    read("GET", f"{PROVIDER}/protocols"),
    operator(
        "PUT",
        f"{PROVIDERS}/{{bare_provider_id}}/protocols/{{protocol}}",
        201,
        {"protocol": {"mapping_id": "{mapping_id}"}},
    ),
    read("GET", PROTOCOL),
    operator("PATCH", PROTOCOL, 200, {"protocol": {}}),
    operator("DELETE", PROTOCOL, 204),
    line("GET", f"{PROTOCOL}/auth", EVERYBODY, 401, unfinished=UNFINISHED),
    line("POST", f"{PROTOCOL}/auth", EVERYBODY, 401, unfinished=UNFINISHED),
    read("GET", MAPPINGS),
    operator("PUT", f"{MAPPINGS}/{{new}}", 201, {"mapping": {"rules": "{rules}"}}),
    read("GET", f"{MAPPINGS}/{{mapping_id}}"),
    operator("PATCH", f"{MAPPINGS}/{{mapping_id}}", 200, {"mapping": {}}),
    operator("DELETE", f"{MAPPINGS}/spare", 204),
    anyone("GET", "/OS-FEDERATION/projects"),
    anyone("GET", "/OS-FEDERATION/domains"),
]
test_access = identity_test(LINES)
