"""Every route for everybody: anonymous, another project, reader, member, admin."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from django.urls import get_resolver

from cloudweb.context import RequestContext
from tests.builders.identity import ApiClient, client_with, make_project
from tests.builders.networks import make_group, make_network, make_port, make_subnet

pytestmark = pytest.mark.django_db
V2 = "/network/v2.0"


@dataclass
class Owned:
    """One of each, owned by one project."""

    project: str
    ids: dict[str, str]

    @classmethod
    def by(cls, project_id: str) -> Owned:
        context = RequestContext.system(project_id=project_id)
        network = make_network(context)
        subnet = make_subnet(network, context)
        port = make_port(network, context)
        group = make_group(context)
        lone = make_network(context, name="lone")
        spare = make_subnet(lone, context)
        rule = group.rules.first()
        return cls(
            project_id,
            {
                "networks": str(network.id),
                "subnets": str(subnet.id),
                "ports": str(port.id),
                "security-groups": str(group.id),
                "security-group-rules": str(rule.id),
                "lone": str(lone.id),
                "spare": str(spare.id),
            },
        )


READ = {"anonymous": 401, "other": 404, "reader": 200, "member": 200, "admin": 200}
OPEN = {"anonymous": 401, "other": 200, "reader": 200, "member": 200, "admin": 200}
WRITE = {"anonymous": 401, "other": 404, "reader": 403, "member": 200, "admin": 200}
MAKE = {"anonymous": 401, "other": 404, "reader": 403, "member": 201, "admin": 201}
MAKE_OWN = {"anonymous": 401, "other": 201, "reader": 403, "member": 201, "admin": 201}
REMOVE = {"anonymous": 401, "other": 404, "reader": 403, "member": 204, "admin": 204}
QUOTA = {"anonymous": 401, "other": 403, "reader": 200, "member": 200, "admin": 200}
OPERATE = {"anonymous": 401, "other": 403, "reader": 403, "member": 403, "admin": 200}

Body = Callable[[Owned], Any] | None
NAMED = {"name": "x"}

#: method, path (words in braces are ids of what the project owns), body, expected statuses
ROUTES: list[tuple[str, str, Body, dict[str, int]]] = [
    ("GET", "", None, OPEN),
    ("GET", "/networks", None, OPEN),
    ("POST", "/networks", lambda o: {"network": NAMED}, MAKE_OWN),
    ("GET", "/networks/{networks}", None, READ),
    ("PUT", "/networks/{networks}", lambda o: {"network": NAMED}, WRITE),
    ("DELETE", "/networks/{lone}", None, REMOVE),
    ("GET", "/subnets", None, OPEN),
    (
        "POST",
        "/subnets",
        lambda o: {
            "subnet": {"network_id": o.ids["networks"], "cidr": "10.9.0.0/24", "ip_version": 4}
        },
        MAKE,
    ),
    ("GET", "/subnets/{subnets}", None, READ),
    ("PUT", "/subnets/{subnets}", lambda o: {"subnet": NAMED}, WRITE),
    ("DELETE", "/subnets/{spare}", None, REMOVE),
    ("GET", "/ports", None, OPEN),
    ("POST", "/ports", lambda o: {"port": {"network_id": o.ids["networks"]}}, MAKE),
    ("GET", "/ports/{ports}", None, READ),
    ("PUT", "/ports/{ports}", lambda o: {"port": NAMED}, WRITE),
    ("DELETE", "/ports/{ports}", None, REMOVE),
    ("GET", "/security-groups", None, OPEN),
    ("POST", "/security-groups", lambda o: {"security_group": NAMED}, MAKE_OWN),
    ("GET", "/security-groups/{security-groups}", None, READ),
    ("PUT", "/security-groups/{security-groups}", lambda o: {"security_group": NAMED}, WRITE),
    ("DELETE", "/security-groups/{security-groups}", None, REMOVE),
    ("GET", "/security-group-rules", None, OPEN),
    (
        "POST",
        "/security-group-rules",
        lambda o: {
            "security_group_rule": {
                "security_group_id": o.ids["security-groups"],
                "direction": "ingress",
            }
        },
        MAKE,
    ),
    ("GET", "/security-group-rules/{security-group-rules}", None, READ),
    ("DELETE", "/security-group-rules/{security-group-rules}", None, REMOVE),
    ("GET", "/quotas", None, OPERATE),
    ("GET", "/quotas/tenant", None, OPEN),
    ("GET", "/quotas/project", None, OPEN),
    ("GET", "/quotas/{project}", None, QUOTA),
    ("GET", "/quotas/{project}/default", None, QUOTA),
    ("GET", "/quotas/{project}/details.json", None, QUOTA),
    ("PUT", "/quotas/{project}", lambda o: {"quota": {"port": 7}}, OPERATE),
    ("DELETE", "/quotas/{project}", None, {**OPERATE, "admin": 204}),
    ("GET", "/extensions", None, OPEN),
    ("GET", "/extensions/security-group", None, OPEN),
    ("GET", "/availability_zones", None, OPEN),
] + [
    (method, f"/{collection}/{{{collection}}}/tags{tag}", body, expected)
    for collection in (
        "networks",
        "subnets",
        "ports",
        "security-groups",
        "security-group-rules",
    )
    for method, tag, body, expected in [
        ("GET", "", None, READ),
        ("PUT", "", lambda o: {"tags": ["a"]}, WRITE),
        ("POST", "", lambda o: {"tags": ["a"]}, WRITE),
        ("DELETE", "", None, REMOVE),
        ("GET", "/none", None, dict.fromkeys(("other", "reader", "member", "admin"), 404) | {"anonymous": 401}),
        ("PUT", "/red", None, MAKE),
        ("DELETE", "/none", None, {"anonymous": 401, "other": 404, "reader": 403, "member": 404, "admin": 404}),
    ]
]  # fmt: skip


def client_as(who: str, project: Any) -> ApiClient:
    if who == "anonymous":
        return ApiClient()
    return client_with(
        "member" if who == "other" else who, project=None if who == "other" else project
    )


@pytest.mark.parametrize("who", ["anonymous", "other", "reader", "member", "admin"])
@pytest.mark.parametrize(("method", "path", "body", "expected"), ROUTES)
def test_access(who: str, method: str, path: str, body: Body, expected: dict[str, int]) -> None:
    project = make_project()
    owned = Owned.by(project.pk)
    url = V2 + path.format(project=project.pk, **owned.ids)
    response = client_as(who, project).send(method, url, body(owned) if body else None)
    assert response.status_code == expected[who], response.content
    if response.status_code == 204:
        assert response.content == b""


@pytest.mark.parametrize(
    "path", ["/networks", "/subnets", "/ports", "/security-groups", "/security-group-rules"]
)
def test_lists_hold_nothing_of_others(path: str) -> None:
    Owned.by(make_project().pk)
    project = make_project()
    body = client_with("member", project=project).send("GET", V2 + path).json()
    (rows,) = body.values()
    assert {row["project_id"] for row in rows} <= {project.pk}


def test_every_route_is_in_the_matrix() -> None:
    """A route that is added without a row above fails here."""
    from network.api.urls import urlpatterns

    resolver = get_resolver()
    covered = set()
    for method, path, _, _ in ROUTES:
        filled = path.replace("{project}", "p").replace(".json", "")
        for word in (
            "networks",
            "subnets",
            "ports",
            "security-groups",
            "security-group-rules",
            "lone",
            "spare",
        ):
            filled = filled.replace(f"{{{word}}}", "an-id")
        view = resolver.resolve(V2 + filled).func
        covered.add((view.cls, view.actions[method.lower()]))
    wanted = {
        (pattern.callback.cls, action)
        for pattern in urlpatterns
        for action in pattern.callback.actions.values()
        if str(pattern.pattern)  # the version document is for everybody
    }
    assert wanted <= covered


def test_versions_are_for_everybody() -> None:
    for path in ("/network", "/network/"):
        response = ApiClient().get(path)
        assert response.status_code == 200
        (version,) = response.json()["versions"]
        assert version["links"][0]["href"] == "http://testserver/network/v2.0/"
