"""What operators and tools ask of back ends: services, hosts, pools, capabilities, zones, extensions."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from cloudweb.database.clock import now
from tests.builders.compute import make_context, make_service
from tests.builders.volume_types import make_volume_type, volume_client
from tests.builders.volumes import make_pool, make_snapshot, make_volume
from volume.models import Pool

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]


def admin(method: str, path: str, body: Any = None, version: str | None = None) -> Any:
    return volume_client("admin", version).send(method, path, body)


@pytest.fixture(autouse=True)
def _back_ends() -> None:
    """Two back ends on h1, one of them with two pools and a problem, and one on h2, which is down."""
    make_pool("h1")
    make_pool("h1", backend="ceph", capabilities=["multiattach"], protocol="ceph")
    make_pool("h1", backend="ceph", name="slow", problem="full", capabilities=[])
    make_pool("h2", zone="far", last_seen_at=now() - timedelta(days=1))
    make_service("scheduler", "api1")


def services(query: str = "", version: str = "3.70") -> dict[str, dict[str, Any]]:
    found = admin("GET", f"/os-services{query}", version=version).json()["services"]
    return {one["host"]: one for one in found}


def test_each_back_end_is_a_service() -> None:
    found = services()
    assert found["h1@file"] == {
        "binary": "cinder-volume",
        "host": "h1@file",
        "zone": "nova",
        "status": "enabled",
        "state": "up",
        "updated_at": found["h1@file"]["updated_at"],
        "disabled_reason": None,
        "replication_status": "disabled",
        "active_backend_id": None,
        "frozen": False,
        "cluster": None,
        "backend_state": "up",
    }
    states = {
        host: (one["binary"], one["state"], one.get("backend_state")) for host, one in found.items()
    }
    assert states == {
        "api1": ("cinder-scheduler", "up", None),
        "h1@ceph": ("cinder-volume", "up", "down"),
        "h1@file": ("cinder-volume", "up", "up"),
        "h2@file": ("cinder-volume", "down", "down"),
    }
    assert "backend_state" not in services(version="3.48")["h1@file"]
    assert "cluster" not in services(version="3.6")["h1@file"]
    assert [*services("?binary=cinder-scheduler")] == ["api1"]
    assert sorted(services("?host=h1")) == ["h1@ceph", "h1@file"]
    assert sorted(services("?host=h1@file")) == ["h1@file"]


def test_words_change_a_back_end() -> None:
    """All its pools, and no other's."""
    ceph = {"host": "h1@ceph", "binary": "cinder-volume"}
    answer = admin("PUT", "/os-services/disable", ceph)
    assert answer.json() == {
        **ceph,
        "service": "cinder-volume",
        "disabled": True,
        "status": "disabled",
    }
    assert services()["h1@ceph"]["status"] == "disabled"
    assert sorted(Pool.objects.filter(enabled=True).values_list("host", "backend")) == [
        ("h1", "file"), ("h2", "file"),
    ]  # fmt: skip
    said = {**ceph, "disabled_reason": "a disk is dying"}
    why = admin("PUT", "/os-services/disable-log-reason", said)
    assert why.json()["disabled_reason"] == "a disk is dying"
    assert services()["h1@ceph"]["disabled_reason"] == "a disk is dying"
    enabled = admin("PUT", "/os-services/enable", ceph).json()
    assert (enabled["disabled"], services()["h1@ceph"]["disabled_reason"]) == (False, None)
    for word, frozen in (("freeze", True), ("thaw", False)):
        answer = admin("PUT", f"/os-services/{word}", {"host": "h1@ceph"})
        assert (answer.status_code, answer.content) == (202, b"")
        assert services()["h1@ceph"]["frozen"] is frozen
    scheduler = {"host": "api1", "binary": "cinder-scheduler"}
    statuses = {
        "no word": admin("PUT", "/os-services/shake", ceph).status_code,
        "no host": admin("PUT", "/os-services/disable", {"host": "h9@file"}).status_code,
        "no back end": admin("PUT", "/os-services/freeze", {"host": "h1"}).status_code,
        "no reason": admin("PUT", "/os-services/disable-log-reason", ceph).status_code,
        "the scheduler": admin("PUT", "/os-services/disable", scheduler).status_code,
        "no replica": admin("PUT", "/os-services/failover_host", {"host": "h1@file"}).status_code,
        "no replica, 3.26": admin(
            "PUT", "/os-services/failover", {"host": "h1@file"}, "3.26"
        ).status_code,
        "nobody's": admin("PUT", "/os-services/failover_host", {"host": "h9@file"}).status_code,
    }
    assert statuses == {
        "no word": 404, "no host": 404, "no back end": 404, "no reason": 400,
        "the scheduler": 400, "no replica": 400, "no replica, 3.26": 400,
        "nobody's": 404,
    }  # fmt: skip


def test_pools_in_brief_in_detail_and_filtered() -> None:
    make_volume(make_context(), pool=Pool.objects.get(backend="file", host="h1"))
    make_volume_type("several", extra_specs={"multiattach": "<is> True"})
    make_volume_type("rbd", extra_specs={"volume_backend_name": "ceph"})

    def names(query: str, version: str = "3.70") -> list[str]:
        found = admin("GET", f"/scheduler-stats/get_pools{query}", version=version).json()["pools"]
        return [one["name"] for one in found]

    everything = ["h1@ceph#default", "h1@ceph#slow", "h1@file#default", "h2@file#default"]
    assert admin("GET", "/scheduler-stats/get_pools").json()["pools"][0] == {"name": everything[0]}
    detail = admin("GET", "/scheduler-stats/get_pools?detail=True").json()["pools"][2][
        "capabilities"
    ]
    assert detail["total_volumes"] == 1
    assert (detail["total_capacity_gb"], detail["storage_protocol"]) == (100, "nbd")
    asked = {
        "": everything,
        "?name=h1@ceph%23slow": ["h1@ceph#slow"],
        "?multiattach=false": ["h1@ceph#slow"],
        "?volume_backend_name=file": everything[2:],
        "?backend_state=down": ["h1@ceph#slow"],
        "?capabilities=snapshots": everything[2:],
        "?nonsense=1": everything,
        "?volume_type=several": [one for one in everything if one != "h1@ceph#slow"],
        "?volume_type=rbd": everything[:2],
    }
    assert {query: names(query) for query in asked} == asked
    assert names("?multiattach=false", "3.27") == everything
    assert names("?volume_type=rbd", "3.34") == everything
    unknown = admin("GET", "/scheduler-stats/get_pools?volume_type=none", version="3.35")
    assert unknown.status_code == 404


def test_capabilities_of_a_back_end_and_of_a_pool() -> None:
    found = admin("GET", "/capabilities/h1@ceph").json()
    assert (found["volume_backend_name"], found["pool_name"]) == ("ceph", None)
    assert [*found["properties"]] == ["capabilities:multiattach"]
    assert admin("GET", "/capabilities/h1@ceph%23slow").json()["properties"] == {}
    assert admin("GET", "/capabilities/h9@ceph").status_code == 404


def test_hosts_and_what_is_on_them() -> None:
    found = {one["host_name"]: one for one in admin("GET", "/os-hosts").json()["hosts"]}
    assert found["h2@file"]["service-status"] == "unavailable"
    assert [*found] == ["api1", "h1@ceph", "h1@file", "h2@file"]
    assert len(admin("GET", "/os-hosts?zone=far").json()["hosts"]) == 1
    pool = Pool.objects.get(host="h1", backend="file")
    for project, size in (("a", 2), ("b", 5)):
        volume = make_volume(make_context(project_id=project), size=size, pool=pool)
    make_snapshot(volume)
    shown = [one["resource"] for one in admin("GET", "/os-hosts/h1@file").json()["host"]]
    counted = {one["project"]: [*one.values()][2:] for one in shown}
    assert counted == {
        "(total)": ["2", "7", "1", "5"], "a": ["1", "2", "0", "0"], "b": ["1", "5", "1", "5"],
    }  # fmt: skip
    assert admin("GET", "/os-hosts/h9").status_code == 404


def test_zones_extensions_and_filters() -> None:
    zones = volume_client().send("GET", "/os-availability-zone").json()["availabilityZoneInfo"]
    assert zones == [
        {"zoneName": "far", "zoneState": {"available": False}},
        {"zoneName": "nova", "zoneState": {"available": True}},
    ]
    aliases = {
        one["alias"] for one in volume_client().send("GET", "/extensions").json()["extensions"]
    }
    assert {"OS-SCH-HNT", "os-quota-sets", "qos-specs"} <= aliases
    path = "/resource_filters?resource=message"
    (found,) = volume_client(version="3.33").send("GET", path).json()["resource_filters"]
    assert found["resource"] == "message"
    assert "resource_uuid" in found["filters"]
    assert volume_client(version="3.32").send("GET", path).status_code == 404
