"""From the launch page to a prompt: which network is reachable, what gets in, the line to type."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from django.test import Client

from audit.models import Record
from cloudweb.context import RequestContext
from dashboard.components.connect import login_of
from identity import quotas
from image.changes import Change
from image.manager import ImageManager
from image.models import Image
from instances.models import Instance, InstancePort
from network.bootstrap import ensure_public_network
from network.manager import NetworkManager
from network.models import Network, SecurityGroup, SecurityGroupRule
from tests.builders.browsers import PASSWORD, browser_of, text_of
from tests.builders.identity import make_member, make_project
from tests.builders.images import make_image
from tests.builders.instances import Lab, lab
from tests.builders.networks import make_group, make_port

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Lab]:
    with lab(tmp_path) as made:
        yield made


@pytest.fixture
def public() -> Network:
    return ensure_public_network(project_id=make_project().pk)


@pytest.fixture
def member(home: Lab) -> Client:
    return browser_of(make_member("member", project=home.project, password=PASSWORD))


def launch(home: Lab, member: Client, network: Network, **fields: Any) -> Instance:
    """Launch by the form and wait until it runs."""
    answer = member.post(
        "/servers/launch",
        {
            "name": "web-1", "image": str(home.image.id), "flavor": home.flavor.id,
            "networks": [str(network.id)], "groups": ["default"], "count": "1", **fields,
        },
    )  # fmt: skip
    assert answer.status_code == 302, text_of(answer)
    home.cloud.settle()
    return Instance.objects.get(id=answer.url.rpartition("/")[2])


def checked(page: str, field: str) -> list[str]:
    """Return the values of the boxes of a field that are chosen."""
    boxes = re.findall(rf'<input[^>]*name="{field}"[^>]*>', page, re.S)
    return [re.search(r'value="([^"]*)"', box)[1] for box in boxes if "checked" in box]  # type: ignore[index]


def lines(answer: Any) -> list[str]:
    return re.findall(r"<code[^>]*>(ssh [^<]*)</code>", answer.content.decode())


def test_a_reachable_network_is_said_and_chosen(home: Lab, member: Client, public: Network) -> None:
    answer = member.get("/servers/launch")
    assert checked(answer.content.decode(), "networks") == [str(public.id)]
    words = text_of(answer)
    assert words.index("public") < words.index("Reachable from outside")
    assert words.index("Reachable from outside") < words.index("nobody gets in from outside")
    NetworkManager(RequestContext.system()).update(public.id, shared=False, external=False)
    alone = member.get("/servers/launch").content.decode()
    assert checked(alone, "networks") == [str(home.network.id)]


def test_only_disks_with_data_are_offered(home: Lab, member: Client) -> None:
    Image.objects.filter(id=home.image.id).update(created_at="2020-01-01T00:00Z")
    hidden = {
        "kernel": {"disk_format": "aki", "container_format": "aki"},
        "ramdisk": {"disk_format": "ari", "container_format": "ari"},
        "queued": {"status": "queued", "size": 0},
        "empty": {"size": 0},
        "withheld": {"status": "deactivated"},
        "iso": {"disk_format": "iso"},
    }
    for name, facts in hidden.items():
        made = make_image(context=home.context, name=f"not-{name}", data=b"x" * 2048)
        Image.objects.filter(id=made.id).update(**facts)
    page = member.get("/servers/launch")
    assert checked(page.content.decode(), "image") == [str(home.image.id)]
    assert "not-" not in text_of(page)


def test_launch_lets_in_what_was_chosen_by_a_group_made_once(
    home: Lab, member: Client, public: Network
) -> None:
    assert checked(member.get("/servers/launch").content.decode(), "let_in") == ["ssh", "ping"]
    first = launch(home, member, public, let_in=["ssh", "ping"])
    launch(home, member, public, let_in=["ssh"])
    names = ["default", "let-ping-in", "let-ssh-in"]
    assert sorted(SecurityGroup.objects.values_list("name", flat=True)) == names
    page = member.get(f"/servers/{first.id}")
    assert "Port 22 is shut" not in text_of(page)
    assert re.findall(r"data-allow=\"(\w+)\"", page.content.decode()) == ["web"]
    worn = home.show(str(first.id))["security_groups"]
    assert sorted(group["name"] for group in worn) == names


def test_a_group_that_was_narrowed_is_left_alone(
    home: Lab, member: Client, public: Network
) -> None:
    launch(home, member, public, let_in=["ssh"])
    narrow = SecurityGroup.objects.get(name="let-ssh-in")
    SecurityGroupRule.objects.filter(security_group=narrow, direction="ingress").delete()
    launch(home, member, public, let_in=["ssh"], name="web-2")
    assert SecurityGroup.objects.filter(name="let-ssh-in").count() == 2
    assert not narrow.rules.filter(direction="ingress").exists()


def test_a_full_quota_is_said(home: Lab, member: Client, public: Network) -> None:
    quotas.update(home.project.pk, "network", {"security_group": 1})
    answer = member.post(
        "/servers/launch",
        {
            "name": "web-1", "image": str(home.image.id), "flavor": home.flavor.id,
            "networks": [str(public.id)], "groups": ["default"], "count": "1", "let_in": ["ssh"],
        },
    )  # fmt: skip
    assert answer.status_code == 422
    assert "Quota exceeded" in text_of(answer)
    assert not Instance.objects.exists()
    wrong = {"name": "w", "let_in": ["everything"]}
    assert member.post("/servers/launch", wrong).status_code == 422


def test_the_line_to_type_and_one_click_to_let_it_in(
    home: Lab, member: Client, public: Network
) -> None:
    context = home.context
    change = [Change("add", "os_admin_user", "clouduser"), Change("add", "os_distro", "debian")]
    ImageManager(context).update(home.image.id, change)
    member.post("/key-pairs/new", {"name": "my laptop"})
    server = launch(home, member, public, key="my laptop")
    page = member.get(f"/servers/{server.id}", headers={"Host": "127.0.0.1:8000"})
    address = re.search(r"172\.24\.4\.\d+", text_of(page))
    assert address is not None
    assert lines(page) == [
        f"ssh -i &#x27;my laptop.pem&#x27; clouduser@{address[0]}",
        f"ssh -i &#x27;my laptop.pem&#x27; -J YOU@CLOUD-MACHINE clouduser@{address[0]}",
    ]
    assert "Port 22 is shut" in text_of(page)
    far = member.get(f"/servers/{server.id}", headers={"Host": "testserver:8000"})
    assert "-J YOU@testserver clouduser@" in lines(far)[1]

    allowed = member.post(f"/servers/{server.id}/allow/ssh")
    assert allowed.url == f"/servers/{server.id}"
    assert "Port 22 is shut" not in text_of(member.get(f"/servers/{server.id}"))
    record = Record.objects.get(action="network:traffic:allow")
    assert (record.target_kind, record.target_id) == ("server", str(server.id))
    assert record.target_name == ""
    again = SecurityGroup.objects.count()
    member.post(f"/servers/{server.id}/allow/ssh")
    assert SecurityGroup.objects.count() == again
    assert member.post(f"/servers/{server.id}/allow/gold").status_code == 404


def test_a_network_of_ones_own_is_said_to_be_out_of_reach(home: Lab, member: Client) -> None:
    server = launch(home, member, home.network)
    page = member.get(f"/servers/{server.id}")
    assert "Not reachable from outside" in text_of(page)
    assert "launched without a key pair" in text_of(page)
    assert lines(page) == [f"ssh USER@{home.show(str(server.id))['addresses']['net1'][0]['addr']}"]
    gone = make_member("reader", project=home.project, password=PASSWORD)
    assert "data-allow" not in browser_of(gone).get(f"/servers/{server.id}").content.decode()


def test_an_operators_click_makes_a_group_of_the_tenants_project(
    home: Lab, member: Client, public: Network
) -> None:
    server = launch(home, member, public)
    operator = browser_of(make_member("admin", password=PASSWORD))
    assert operator.post(f"/servers/{server.id}/allow/ssh").status_code == 302
    group = SecurityGroup.objects.get(name="let-ssh-in")
    assert group.project_id == home.project.pk
    assert "Port 22 is shut" not in text_of(member.get(f"/servers/{server.id}"))


def test_a_port_without_filters_and_one_with_rules_of_its_own(
    home: Lab, member: Client, public: Network
) -> None:
    server = launch(home, member, home.network)
    group = make_group(home.context)
    port = make_port(home.network, home.context, device_id="", security_group_ids=[group.id])
    type(port).objects.filter(id=port.id).update(device_id=str(server.id))
    InstancePort.objects.create(
        instance=server, position=1, port_id=port.id, network_id=home.network.id
    )
    member.post(f"/servers/{server.id}/allow/web")
    kept = type(port).objects.get(id=port.id).security_groups.values_list("name", flat=True)
    assert sorted(kept) == ["let-web-in", "web"]
    type(port).objects.filter(id=port.id).update(port_security_enabled=False)
    page = member.get(f"/servers/{server.id}").content.decode()
    assert "data-allow" not in page


def test_who_the_image_lets_in() -> None:
    cases: dict[str, dict[str, str]] = {
        "demo": {"os_admin_user": "demo", "os_distro": "debian"},
        "debian": {"os_distro": "Debian"},
        "ubuntu": {"os_distro": "ubuntu", "os_admin_user": ""},
        "": {"os_distro": "something"},
        # what is copied into a shell never comes from a stranger's image
        "fedora": {"os_admin_user": "x; rm -rf ~", "os_distro": "fedora"},
        "core": {"os_admin_user": "-oProxyCommand=sh", "os_distro": "flatcar"},
    }
    found = [login_of(cast(Any, SimpleNamespace(custom_properties=one))) for one in cases.values()]
    assert found == [*cases]
    assert login_of(None) == ""
