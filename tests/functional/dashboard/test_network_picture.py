"""The picture of a project's network: what is drawn, what the table says of it, and whose it is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.test import Client

from network.models import Port
from tests.builders.browsers import PASSWORD, browser_of, text_of
from tests.builders.identity import make_member
from tests.builders.instances import Lab, lab
from tests.builders.networks import make_network
from tests.builders.routers import make_external, make_floating_ip, make_router

pytestmark = pytest.mark.django_db(transaction=True)
URL = "/networks/picture"
HTMX = {"HX-Request": "true"}


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Lab]:
    with lab(tmp_path) as made:
        yield made


def nodes(client: Client) -> dict[str, str]:
    """Return what is drawn: what each node says, and where it leads."""
    page = client.get(URL, headers=HTMX).content.decode()
    found = re.findall(
        r'<a class="node [^"]*" id="[^"]*" href="([^"]*)">\s*<title>([^<]*)</title>', page
    )
    return {text: url for url, text in found}


def test_all_of_it_is_drawn_and_said_and_leads_on(home: Lab) -> None:
    server = home.create()
    outside = make_external(name="public")
    subnets = home.network.subnets.all()
    router = make_router(home.context, subnets=subnets, external=outside)
    port = Port.objects.get(device_owner__startswith="compute:")
    led = make_floating_ip(home.context, outside, port_id=port.id).floating_ip_address
    free = make_floating_ip(home.context, outside).floating_ip_address
    member = browser_of(make_member("member", project=home.project, password=PASSWORD))
    [gateway] = router.gateway.port.addresses.all() if router.gateway else []
    assert nodes(member) == {
        f"External network public, up, 172.24.4.0/24, {free}": "/floating-ips",
        f"Router r1, up, {gateway.ip_address}, 10.0.0.1": f"/routers/{router.id}",
        "Network net1, up, 10.0.0.0/24": f"/networks/{home.network.id}",
        f"Server vm1, running, 10.0.0.2, {led}": f"/servers/{server}",
    }
    page = member.get(URL)
    assert page.content.decode().count('class="link"') == 2
    words = text_of(page).partition("In words")[2]
    for line in (
        f"public External network Up \N{EN DASH} 172.24.4.0/24, {free}",
        f"r1 Router Up public {gateway.ip_address}, 10.0.0.1",
        "net1 Network Up r1 10.0.0.0/24",
        f"vm1 Server Running net1 10.0.0.2, {led}",
    ):
        assert line in words
    tag = member.get(URL, headers=HTMX).headers["ETag"]
    again = member.get(URL, headers={**HTMX, "If-None-Match": tag})
    assert again.status_code == 304
    make_network(home.context, name="more")
    assert member.get(URL, headers={**HTMX, "If-None-Match": tag}).status_code == 200


def test_others_things_are_not_drawn_for_operators_either(home: Lab) -> None:
    home.create()
    for role in ("member", "admin"):
        stranger = browser_of(make_member(role, password=PASSWORD))
        assert nodes(stranger) == {}, role
        assert "Nothing to draw yet" in text_of(stranger.get(URL)), role


def test_names_are_escaped(home: Lab) -> None:
    make_network(home.context, name='<b>"x"')
    member = browser_of(make_member("reader", project=home.project, password=PASSWORD))
    page = member.get(URL).content.decode()
    assert "<b>" not in page
    assert "&lt;b&gt;&quot;x&quot;" in page
