"""Networks with numbers, the ranges that these are from, and segments, as operators' clients see them."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from cloudweb.context import RequestContext
from network import conf
from network.bootstrap import ensure_default_ranges
from network.exceptions.segments import NoNetworkAvailable
from network.manager import NetworkManager
from network.models import Network, SegmentRange
from tests.builders.identity import ApiClient
from tests.builders.networks import make_context, make_network, make_range

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]

V2 = "/network/v2.0"


@pytest.fixture(autouse=True)
def settings_of_wires(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conf, "PHYSICAL_NETWORKS", ["public", "dc"])
    monkeypatch.setattr(conf, "VXLAN_RANGES", ["100:101"])
    monkeypatch.setattr(conf, "VLAN_RANGES", ["dc:7:7"])
    monkeypatch.setattr(conf, "MTU", 1500)
    ensure_default_ranges()


def provided(**said: Any) -> dict[str, Any]:
    return {"network": {f"provider:{name}": value for name, value in said.items()}}


def make(admin: ApiClient, **said: Any) -> tuple[Any, ...]:
    """Return the status, and what it was made of or the error's type."""
    answer = admin.send("POST", f"{V2}/networks", provided(**said))
    body = answer.json()
    if "NeutronError" in body:
        return answer.status_code, body["NeutronError"]["type"]
    row = body["network"]
    names = "network_type", "physical_network", "segmentation_id"
    return 201, *(row[f"provider:{name}"] for name in names), row["mtu"]


def test_what_an_operator_makes_networks_of(admin: ApiClient) -> None:
    bad, number = (400, "InvalidInput"), "segmentation_id"
    wishes: list[tuple[dict[str, Any], tuple[Any, ...]]] = [
        ({"network_type": "local"}, (201, "local", None, None, 1500)),
        ({"network_type": "vxlan", number: 9_000_000}, (201, "vxlan", None, 9_000_000, 1450)),
        ({"network_type": "vxlan", number: "100"}, (201, "vxlan", None, 100, 1450)),
        ({"network_type": "vxlan", number: 100}, (409, "TunnelIdInUse")),
        ({"network_type": "vxlan"}, (201, "vxlan", None, 101, 1450)),
        ({"network_type": "vxlan"}, (503, "NoNetworkAvailable")),
        ({"network_type": "vlan"}, (201, "vlan", "dc", 7, 1500)),
        ({"network_type": "vlan"}, (503, "NoNetworkAvailable")),
        ({"network_type": "vlan", "physical_network": "public"}, (503, "NoNetworkAvailable")),
        ({"network_type": "vlan", "physical_network": "dc", number: 7}, (409, "VlanIdInUse")),
        ({"network_type": "vlan", "physical_network": "public", number: 7}, (201, "vlan", "public", 7, 1500)),
        ({"network_type": "flat", "physical_network": "dc"}, (201, "flat", "dc", None, 1500)),
        ({"network_type": "flat", "physical_network": "dc"}, (409, "FlatNetworkInUse")),
        ({"network_type": "flat"}, bad),
        ({"network_type": "flat", "physical_network": "dc", number: 3}, bad),
        ({"network_type": "local", number: 3}, bad),
        ({"network_type": "local", "physical_network": "dc"}, bad),
        ({"physical_network": "dc"}, bad),
        ({number: 3}, bad),
        ({"network_type": "vxlan", "physical_network": "dc"}, bad),
        ({"network_type": "vxlan", number: 0}, bad),
        ({"network_type": "vxlan", number: 2**24}, bad),
        ({"network_type": "vlan", number: 8}, bad),
        ({"network_type": "vlan", "physical_network": "dc", number: 4095}, bad),
        ({"network_type": "vlan", "physical_network": "moon", number: 8}, bad),
        ({"network_type": "vlan", "physical_network": "moon"}, bad),
    ]  # fmt: skip

    assert [make(admin, **said) for said, _ in wishes] == [expected for _, expected in wishes]


def test_what_a_tunnel_carries_bounds_its_mtu(admin: ApiClient) -> None:
    asked = {"provider:network_type": "vxlan", "mtu": 1451}
    refused = admin.send("POST", f"{V2}/networks", {"network": asked})
    assert (refused.status_code, Network.objects.count()) == (400, 0)
    made = admin.send("POST", f"{V2}/networks", {"network": {**asked, "mtu": 1450}})
    url = f"{V2}/networks/{made.json()['network']['id']}"
    found = {
        mtu: admin.send("PUT", url, {"network": {"mtu": mtu}}).status_code for mtu in (1451, 1400)
    }
    assert found == {1451: 400, 1400: 200}


def test_tenants_neither_see_nor_filter_by_what_networks_are_made_of(
    admin: ApiClient, member: ApiClient
) -> None:
    assert make(admin, network_type="vxlan", segmentation_id=100)[0] == 201
    for name, value in (("network_type", "vxlan"), ("segmentation_id", 100)):
        query = f"{V2}/networks?provider:{name}={value}"
        assert len(admin.send("GET", query).json()["networks"]) == 1
        assert member.send("GET", query).status_code == 403
    (row,) = member.send("GET", f"{V2}/networks").json()["networks"]
    assert not [name for name in row if name.startswith("provider:")]
    assert admin.send("GET", f"{V2}/networks?provider:segmentation_id=5").json() == {"networks": []}


def test_what_tenants_do_not_say_settings_do(
    member: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each type in turn, while it has numbers left."""
    monkeypatch.setattr(conf, "TENANT_TYPES", ["vlan", "vxlan"])
    sent = [member.send("POST", f"{V2}/networks", {"network": {}}) for _ in range(4)]
    assert [answer.status_code for answer in sent] == [201, 201, 201, 503]
    made = Network.objects.order_by("created_at").values_list("kind", "segmentation_id")
    assert [kind for kind, _ in made] == ["vlan", "vxlan", "vxlan"]
    gone = sent[1].json()["network"]["id"]
    assert member.send("DELETE", f"{V2}/networks/{gone}").status_code == 204
    assert member.send("POST", f"{V2}/networks", {"network": {}}).status_code == 201
    assert {*Network.objects.filter(kind="vxlan").values_list("segmentation_id", flat=True)} == {
        100,
        101,
    }


def test_a_projects_own_numbers_are_taken_first_and_by_nobody_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Also where they are among those of settings."""
    monkeypatch.setattr(conf, "VXLAN_RANGES", ["200:203"])
    ensure_default_ranges()
    ours, theirs = make_context(), make_context()
    make_range(minimum=201, maximum=202, shared=False, project_id=ours.project_id)
    admin = RequestContext.system()

    def numbers(context: RequestContext, count: int) -> list[int]:
        manager = NetworkManager(admin)
        made = [manager.create(kind="vxlan", project_id=context.project_id) for _ in range(count)]
        return sorted(network.segmentation_id or 0 for network in made)

    (theirs_now,) = numbers(theirs, 1)
    assert numbers(ours, 2) == [201, 202]
    assert {theirs_now, *numbers(ours, 1)} == {200, 203}
    for context in (ours, theirs):
        with pytest.raises(NoNetworkAvailable):
            numbers(context, 1)


def test_the_first_gap_is_found_in_a_range_that_is_nearly_full(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("network.segments.TRIED", 2)
    SegmentRange.objects.all().delete()
    make_range(minimum=10, maximum=29)
    rows = [
        Network(project_id="p", kind="vxlan", segmentation_id=number)
        for number in range(5, 40)
        if number not in {10, 17, 29}
    ]
    Network.objects.bulk_create(rows)
    manager = NetworkManager(RequestContext.system(project_id="p"))
    found = {manager.create(kind="vxlan").segmentation_id for _ in range(3)}
    assert found == {10, 17, 29}
    with pytest.raises(NoNetworkAvailable):
        manager.create(kind="vxlan")


def test_ranges_are_made_changed_and_removed(admin: ApiClient) -> None:
    url = f"{V2}/network_segment_ranges"
    good = {"name": "r", "network_type": "vxlan", "minimum": 500, "maximum": 502}
    vlan = {**good, "network_type": "vlan", "physical_network": "dc"}
    bodies: dict[str, tuple[dict[str, Any], int]] = {
        "good": (good, 201),
        "overlaps": ({**good, "minimum": 502, "maximum": 600}, 409),
        "beside it": ({**good, "minimum": 503, "maximum": 600}, 201),
        "in the settings' one": ({**good, "minimum": 100, "maximum": 100}, 201),
        "a project's": ({**good, "minimum": 700, "maximum": 700, "shared": False, "project_id": "p"}, 201),
        "nobody's": ({**good, "minimum": 800, "maximum": 800, "shared": False}, 400),
        "everybody's and a project's": ({**good, "minimum": 800, "maximum": 800, "project_id": "p"}, 400),
        "VLANs": (vlan, 201),
        "on another wire": ({**vlan, "physical_network": "public"}, 201),
        "on no wire": ({**vlan, "physical_network": ""}, 400),
        "on an unknown wire": ({**vlan, "physical_network": "moon"}, 400),
        "too high": ({**vlan, "maximum": 4095}, 400),
        "zero": ({**good, "minimum": 0}, 400),
        "backwards": ({**good, "minimum": 900, "maximum": 899}, 400),
        "tunnels on a wire": ({**good, "minimum": 900, "maximum": 901, "physical_network": "dc"}, 400),
        "default": ({**good, "minimum": 900, "maximum": 901, "default": True}, 400),
        "of no type": ({**good, "network_type": "flat"}, 400),
        "endless": ({**good, "maximum": 10**12}, 400),
    }  # fmt: skip
    found = {
        what: admin.send("POST", url, {"network_segment_range": body}).status_code
        for what, (body, _) in bodies.items()
    }
    assert found == {what: status for what, (_, status) in bodies.items()}

    row = SegmentRange.objects.get(kind="vxlan", minimum=500)
    network = make_network(RequestContext.system(project_id="p"), kind="vxlan", segmentation_id=501)
    shown = admin.send("GET", f"{url}/{row.id}").json()["network_segment_range"]
    said = {name: shown[name] for name in ("used", "available", "default", "shared", "project_id")}
    assert said == {
        "used": {"501": "p"},
        "available": [500, 502],
        "default": False,
        "shared": True,
        "project_id": None,
    }
    changes = {
        "without a used one": ({"maximum": 500}, 409),
        "into the next": ({"maximum": 503}, 409),
        "smaller": ({"minimum": 501, "maximum": 501, "name": "s"}, 200),
        "of another type": ({"network_type": "vlan"}, 400),
    }
    found = {
        what: admin.send("PUT", f"{url}/{row.id}", {"network_segment_range": body}).status_code
        for what, (body, _) in changes.items()
    }
    assert found == {what: status for what, (_, status) in changes.items()}
    removed = [admin.send("DELETE", f"{url}/{row.id}").status_code]
    NetworkManager(RequestContext.system()).delete(network.id)
    removed += [admin.send("DELETE", f"{url}/{row.id}").status_code for _ in range(2)]
    assert removed == [409, 204, 404]


def test_ranges_of_settings_follow_them_and_nothing_else(
    admin: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = SegmentRange.objects.get(kind="vxlan")
    url = f"{V2}/network_segment_ranges/{row.id}"
    assert admin.send("PUT", url, {"network_segment_range": {"name": "x"}}).status_code == 400
    assert admin.send("DELETE", url).status_code == 400
    make_range(minimum=5, maximum=6)
    monkeypatch.setattr(conf, "VXLAN_RANGES", ["100:101", "300:301"])
    monkeypatch.setattr(conf, "VLAN_RANGES", [])
    for _ in range(2):
        ensure_default_ranges()
    rows = SegmentRange.objects.order_by("minimum").values_list("kind", "minimum", "default")
    assert [*rows] == [("vxlan", 5, False), ("vxlan", 100, True), ("vxlan", 300, True)]
    assert SegmentRange.objects.filter(id=row.id).exists()


def test_settings_that_cannot_be_stop_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = {
        "VXLAN_RANGES": ["1", "0:5", "5:4", "a:b", "dc:1:5"],
        "VLAN_RANGES": ["1:5", "dc:1:4095", "moon:1:5", ":1:5"],
        "TENANT_TYPES": ["flat", "gre", ""],
    }
    for name, texts in wrong.items():
        for text in texts:
            with monkeypatch.context() as patched:
                patched.setattr(conf, name, [text])
                with pytest.raises(ImproperlyConfigured):
                    ensure_default_ranges()


def test_no_network_carries_tags_of_guests(member: ApiClient) -> None:
    """What is refused is not advertised; to say that it is not wanted is right."""
    for said, status in ((True, 400), (False, 201)):
        body = {"network": {"vlan_transparent": said}}
        assert member.send("POST", f"{V2}/networks", body).status_code == status
    aliases = {row["alias"] for row in member.send("GET", f"{V2}/extensions").json()["extensions"]}
    assert {"provider", "segment", "network-segment-range", "net-mtu-writable"} <= aliases
    assert not {"vlan-transparent", "multi-provider"} & aliases


def test_each_network_has_one_segment(admin: ApiClient) -> None:
    assert make(admin, network_type="vlan", physical_network="dc", segmentation_id=9)[0] == 201
    make_network(name="plain")
    row = Network.objects.get(kind="vlan")
    url = f"{V2}/segments/{row.id}"
    (found,) = admin.send("GET", f"{V2}/segments?network_type=vlan").json()["segments"]
    said = "network_id", "network_type", "physical_network", "segmentation_id", "name"
    assert [found[name] for name in said] == [str(row.id), "vlan", "dc", 9, None]
    assert len(admin.send("GET", f"{V2}/segments").json()["segments"]) == 2
    named = admin.send("PUT", url, {"segment": {"name": "rack 1"}}).json()["segment"]
    assert (named["name"], Network.objects.get(id=row.id).name) == ("rack 1", "")
    another = {"network_id": str(row.id), "network_type": "vlan", "physical_network": "dc"}
    statuses = [
        admin.send("POST", f"{V2}/segments", {"segment": another}).status_code,
        admin.send("DELETE", url).status_code,
        admin.send("GET", f"{V2}/segments/x").status_code,
    ]
    assert statuses == [405, 405, 404]
