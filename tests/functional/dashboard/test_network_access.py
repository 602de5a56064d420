"""Who gets in at the pages about networks: each route for anonymous, another project, reader, member, admin."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from network.models import FloatingIp, Network, Port, Router, SecurityGroup
from tests.builders.browsers import PASSWORD, browser_of
from tests.builders.identity import make_member
from tests.builders.instances import Lab, lab
from tests.builders.networks import make_group
from tests.builders.routers import make_external, make_floating_ip, make_router

pytestmark = pytest.mark.django_db(transaction=True)
WHO = ("anonymous", "stranger", "reader", "member", "admin")


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Lab]:
    with lab(tmp_path) as made:
        yield made


def people(home: Lab) -> dict[str, Client]:
    """Return browsers: the admin works in another project."""
    inside = {
        role: browser_of(make_member(role, project=home.project, password=PASSWORD))
        for role in ("reader", "member")
    }
    outside = {
        "stranger": browser_of(make_member("member", password=PASSWORD)),
        "admin": browser_of(make_member("admin", password=PASSWORD)),
    }
    return {"anonymous": Client(), **inside, **outside}


def test_each_route_by_role(home: Lab) -> None:
    server = home.create()
    outside = make_external(name="public")
    make_router(
        home.context, subnets=Network.objects.get(name="net1").subnets.all(), external=outside
    )
    card = Port.objects.get(device_id=server)
    [address] = card.addresses.all()
    floating = make_floating_ip(home.context, outside)
    worn, free = make_group(home.context), make_group(home.context, name="free")
    lead = {"source": str(floating.id), "target": f"{card.id} {address.ip_address}"}
    rule = {"what": "https", "whom": "world", "direction": "ingress"}
    at, group = f"/servers/{server}", f"/security-groups/{worn.id}"
    acts = ("POST", 302, 404, 403, 302, 302)
    asked: dict[str, tuple[Any, ...]] = {
        # route: method, then what anonymous, stranger, reader, member and admin are answered
        "/networks/picture": ("GET", 302, 200, 200, 200, 200, {}),
        "/security-groups": ("GET", 302, 200, 200, 200, 200, {}),
        group: ("GET", 302, 404, 200, 200, 200, {}),
        f"{at}/groups": (*acts, {"group": str(free.id)}),
        f"{at}/groups/{free.id}/detach": (*acts, {}),
        f"{at}/floating-ip": ("POST", 302, 404, 403, 302, 404, lead),  # it is led already
        f"{at}/floating-ip/{floating.id}/detach": ("POST", 302, 404, 403, 302, 404, {}),
        f"{group}/rules/new": ("POST", 302, 404, 422, 302, 422, rule),  # it is there already
        f"{group}/edit": ("POST", 302, 404, 422, 302, 302, {"name": "web", "description": ""}),
        "/security-groups/new": ("POST", 302, 302, 422, 302, 302, {"name": "more"}),
        "/networks/private": ("POST", 302, 302, 403, 302, 302, {}),
    }
    clients = people(home)
    expected, found = {}, {}
    for path, (method, *statuses, body) in asked.items():
        expected[path] = dict(zip(WHO, statuses, strict=True))
        send = {who: getattr(clients[who], method.lower()) for who in WHO}
        answers = {who: send[who](path, body) for who in WHO}
        found[path] = {who: answer.status_code for who, answer in answers.items()}
        assert answers["anonymous"].url.startswith("/login"), path
    assert found == expected


def test_what_was_refused_changed_nothing(home: Lab) -> None:
    server = home.create()
    outside = make_external(name="public")
    group = make_group(home.context)
    before = Port.objects.get(device_id=server).security_groups.count()
    for who, client in people(home).items():
        if who in ("member", "admin"):
            continue
        client.post(f"/servers/{server}/groups", {"group": str(group.id)})
        client.post(f"/servers/{server}/floating-ip", {"source": f"new:{outside.id}"})
        client.post(f"/security-groups/{group.id}/rules/new", {"what": "all", "whom": "world"})
        client.post("/security-groups", {"one": f"delete {group.id}", "agreed": "yes"})
    assert Port.objects.get(device_id=server).security_groups.count() == before
    assert not FloatingIp.objects.exists()
    assert not Router.objects.exists()
    assert SecurityGroup.objects.get(id=group.id).rules.filter(direction="ingress").count() == 0
