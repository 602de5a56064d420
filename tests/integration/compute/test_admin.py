"""The operators' pages: what they change goes through the managers, what those refuse is said."""

from __future__ import annotations

import time
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from cloudweb.database.clock import now
from cloudweb.encryption import decrypt
from compute.guest_topology import WantedCell, WantedTopology
from compute.manager import hosts
from compute.meter_objects import GuestMeters, Sample
from compute.models import Claim, Flavor, Host, HostFailure, HostFence
from compute.scheduler import claim
from identity.authentication import find_user
from identity.bootstrap import bootstrap
from operations.asking import HostDidNotAnswer
from operations.models import Service
from tests.builders.compute import make_context, make_flavor, make_host, make_request
from tests.builders.identity import make_project

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]


def browser(name: str = "admin") -> Client:
    bootstrap(admin_password="p", demo_password="p")
    user = find_user(name=name)
    assert user is not None
    client = Client()
    client.force_login(user)
    return client


def act(client: Client, action: str, *hosts: Host, **fields: str) -> Any:
    data = {"action": action, "_selected_action": [host.pk for host in hosts], **fields}
    return client.post("/admin/compute/host/", data, follow=True)


HOST_FORM = {"zone": "nova", "enabled": "on", "cpu_ratio": "", "ram_ratio": "", "disk_ratio": ""}
FLAVOR_FORM = {
    "name": "big",
    "ram": "1024",
    "vcpus": "2",
    "disk": "10",
    "ephemeral": "0",
    "swap": "0",
    "rxtx_factor": "1.0",
}


@pytest.mark.parametrize("model", ["host", "flavor", "claim"])
def test_lists_and_forms_are_for_operators(model: str) -> None:
    make_host("h1", ram=1024, ram_used=1000)
    make_flavor()
    claim(
        make_context(), instance_id=str(uuid.uuid4()), project_id="p", request=make_request(ram=1)
    )
    rows = {"host": Host, "flavor": Flavor, "claim": Claim}[model]
    row = rows.objects.get()
    paths = [f"/admin/compute/{model}/", f"/admin/compute/{model}/{row.pk}/change/"]
    operator = browser()
    assert [operator.get(path).status_code for path in paths] == [200, 200]
    assert [browser("demo").get(path).status_code for path in paths] == [302, 302]
    assert [Client().get(path).status_code for path in paths] == [302, 302]


def test_the_list_shows_up_down_and_load() -> None:
    make_host("h1", ram=1000, ram_used=950)
    make_host("h2", forced_down=True, enabled=False, disabled_reason="new disk")
    page = browser().get("/admin/compute/host/").content.decode()
    assert "950 of 1,000 MiB" in page
    assert ">up<" in page
    assert ">down<" in page
    assert "disabled: new disk" in page


def test_operators_see_what_a_host_cannot_put_right() -> None:
    host = make_host("h1", problems=["The record of <guest> g was damaged."])
    make_host("h2")
    page = browser().get("/admin/compute/host/").content.decode()
    assert ">1 problem<" in page
    assert ">fine<" in page
    one = browser().get(f"/admin/compute/host/{host.pk}/change/").content.decode()
    assert "The record of &lt;guest&gt; g was damaged." in one


def test_operators_see_what_of_a_hosts_cells_is_held() -> None:
    cell = {"id": 0, "cpus": 6, "ram": 4096, "shared": [0, 1], "dedicated": [2, 3, 4, 5]}
    cell |= {"pages": [{"size": 2048, "total": 512}]}
    host = make_host("h1", cells=[cell], dedicated=4)
    numa = WantedTopology((WantedCell((0, 1), 256),), dedicated=True, page_size="large")
    request = make_request(vcpus=0, ram=256, numa=numa)
    claim(make_context(), instance_id=str(uuid.uuid4()), project_id="p", request=request)
    page = browser().get(f"/admin/compute/host/{host.pk}/change/").content.decode()
    assert (
        "0: 6 CPUs (shared 0-1, dedicated 2-5, of these held 2-3), 4,096 MiB, 128 of 512 pages of"
        in page
    )
    assert "2 of 4 pinned" in page


def test_buttons_disable_with_a_reason_and_enable() -> None:
    host = make_host("h1")
    operator = browser()
    act(operator, "disable", host, reason=" new disk ")
    host.refresh_from_db()
    assert (host.enabled, host.disabled_reason) == (False, "new disk")
    act(operator, "enable", host)
    host.refresh_from_db()
    assert (host.enabled, host.disabled_reason) == (True, "")
    act(operator, "force_down", host)
    assert Service.objects.get().forced_down
    act(operator, "believe", host)
    assert not Service.objects.get().forced_down


def test_the_form_sets_zone_and_ratios_and_nothing_it_reports() -> None:
    host = make_host("h1")
    operator, path = browser(), f"/admin/compute/host/{host.pk}/change/"
    done = operator.post(path, {**HOST_FORM, "zone": "b", "cpu_ratio": "2.5", "vcpus_used": "7"})
    assert done.status_code == 302
    host.refresh_from_db()
    assert (host.zone, host.cpu_ratio, host.vcpus_used, host.enabled) == ("b", 2.5, 0, True)
    for wrong in ({"cpu_ratio": "0"}, {"zone": ""}, {"zone": "a:b"}):
        assert operator.post(path, {**HOST_FORM, **wrong}).status_code == 200
    host.refresh_from_db()
    assert (host.zone, host.cpu_ratio) == ("b", 2.5)


def test_a_host_with_servers_is_not_deleted_and_the_page_says_why() -> None:
    host = make_host("h1")
    server = str(uuid.uuid4())
    claim(make_context(), instance_id=server, project_id="p", request=make_request())
    operator, path = browser(), f"/admin/compute/host/{host.pk}/delete/"
    page = operator.post(path, {"post": "yes"}, follow=True).content.decode()
    assert Host.objects.exists()
    assert "Migrate or delete the instances first." in page
    Claim.objects.all().delete()
    operator.post(path, {"post": "yes"})
    assert not Host.objects.exists()
    assert not Service.objects.exists()


def test_a_flavor_is_offered_described_granted_and_withdrawn() -> None:
    operator = browser()
    make_project(id="p1")
    make_project(id="p2")
    form = {**FLAVOR_FORM, "id": "7", "specs": "hw:numa_nodes=1\nb=2", "projects": "p1\np2"}
    assert operator.post("/admin/compute/flavor/add/", form).status_code == 302
    flavor = Flavor.objects.get()
    assert (flavor.id, flavor.ram, flavor.is_public) == ("7", 1024, False)
    assert flavor.specs() == {"hw:numa_nodes": "1", "b": "2"}
    path = "/admin/compute/flavor/7/change/"
    changed = {"description": "d", "specs": "b=3", "projects": "p2", "ram": "1"}
    assert operator.post(path, changed).status_code == 302
    flavor = Flavor.objects.get()
    assert (flavor.ram, flavor.description, flavor.specs()) == (1024, "d", {"b": "3"})
    assert list(flavor.access.values_list("project_id", flat=True)) == ["p2"]
    operator.post("/admin/compute/flavor/7/delete/", {"post": "yes"})
    assert not Flavor.objects.exists()


@pytest.mark.parametrize(
    "wrong",
    [
        {"id": "a/b"},
        {"ram": "x"},
        {"specs": "nonsense"},
        {"specs": "hw:a=1"},
        {"name": ""},
        {"name": "taken"},
    ],
)
def test_a_wrong_flavor_form_comes_back(wrong: dict[str, str]) -> None:
    make_flavor("taken")
    answer = browser().post("/admin/compute/flavor/add/", {**FLAVOR_FORM, **wrong})
    assert answer.status_code == 200
    assert Flavor.objects.count() == 1


def test_what_a_manager_refuses_is_said_and_undone() -> None:
    form = {**FLAVOR_FORM, "is_public": "on", "projects": "p1"}
    page = browser().post("/admin/compute/flavor/add/", form, follow=True)
    assert "Can not add access to a public flavor." in page.content.decode()
    assert not Flavor.objects.exists()


def test_claims_are_to_look_at_only() -> None:
    make_host("h1")
    claim(make_context(), instance_id=str(uuid.uuid4()), project_id="p", request=make_request())
    row = Claim.objects.get()
    answer = browser().post(f"/admin/compute/claim/{row.pk}/delete/", {"post": "yes"})
    assert answer.status_code == 403
    assert Claim.objects.exists()


def test_operators_say_how_a_host_is_switched_off_and_that_it_is() -> None:
    host, client = make_host("h1"), browser()
    form = {"host": host.pk, "kind": "ipmi", "address": "", "new_password": "s3cret"}
    page = client.post("/admin/compute/hostfence/add/", form, follow=True)
    assert "Where is its power control?" in page.content.decode()
    client.post("/admin/compute/hostfence/add/", {**form, "address": "10.0.0.9"})
    fence = HostFence.objects.get()
    path = f"/admin/compute/hostfence/{fence.pk}/change/"
    assert "s3cret" not in client.get(path).content.decode()
    client.post(path, {"kind": "redfish", "address": "10.0.0.8", "new_password": ""})
    fence.refresh_from_db()
    assert (fence.kind, decrypt(fence.password)) == ("redfish", "s3cret")
    said = act(client, "power_off", host).content.decode()
    assert "Compute service of h1 is still in use" in said
    Service.objects.update(last_seen_at=now() - timedelta(minutes=5))
    assert "how you know" in act(client, "confirm_off", host).content.decode()
    act(client, "confirm_off", host, reason="I looked")
    failure = HostFailure.objects.get()
    for path in ("/admin/compute/hostfailure/", f"/admin/compute/hostfailure/{failure.pk}/change/"):
        assert "I looked" in client.get(path).content.decode()


def test_a_hosts_load_is_drawn_beside_its_guests(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the host answers, or why it does not; for operators alone."""
    guest = str(uuid.uuid4())
    make_host("h1", guests=[{"id": guest, "name": "<b>web", "power_state": "running"}])
    sample = Sample(at=time.time(), cpu=0.5, memory=512, read=1, written=2, received=3, sent=4)
    asked = []

    def ask(order: Any) -> Any:
        asked.append((order.host, order.payload.id, order.payload.span))
        return GuestMeters(id="h1", memory=1024, samples=(sample,)).dump()

    monkeypatch.setattr(hosts, "ask", ask)
    operator, page = browser(), "/admin/compute/host/h1/load/"
    shown = operator.get(f"{page}?span=day").content.decode()
    assert asked == [("h1", "h1", "day")]
    for said in ("50 %", "512.0 KB", "&lt;b&gt;web", f"/admin/instances/instance/{guest}/change/"):
        assert said in shown, said
    assert page in operator.get("/admin/compute/host/").content.decode()

    def silent(order: Any) -> Any:
        raise HostDidNotAnswer

    monkeypatch.setattr(hosts, "ask", silent)
    assert "does not answer" in operator.get(page).content.decode()
    assert operator.get("/admin/compute/host/nowhere/load/").status_code == 404
    assert browser("demo").get(page).status_code == 302
