"""What hosts report of their pools: two statements, however many hosts and pools there are."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from cloudweb.context import RequestContext
from tests.builders.images import caller
from tests.builders.volumes import attach, make_pool, make_volume
from volume.differences import find_volumes
from volume.manager.pool import GIB, UNREPORTED, PoolManager
from volume.models import Pool, Volume
from volume.objects import Held, Leftover, PoolState, VolumeRef

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]


def state(name: str, **overrides: Any) -> PoolState:
    facts = {"backend": "fast", "driver": "fake", "protocol": "nbd", "total": 9 * GIB, "free": GIB}
    return PoolState(name=name, **{**facts, **overrides})


def report(**told: list[PoolState]) -> None:
    PoolManager(RequestContext.system()).report(told)


def test_a_report_changes_what_hosts_know_and_nothing_that_operators_decided() -> None:
    report(h1=[state("a"), state("b")], h2=[state("a")])
    Pool.objects.filter(host="h1").update(ratio=2.0, provisioned=7, enabled=False, zone="z")
    report(h1=[state("b", free=3 * GIB, capabilities=("thin", "clone"), storage_id="s")])
    facts = ("host", "name", "free", "capabilities", "storage_id", "problem", "zone", "provisioned")
    assert [*Pool.objects.values_list(*facts)] == [
        ("h1", "a", 1.0, [], "", UNREPORTED, "z", 7),
        ("h1", "b", 3.0, ["clone", "thin"], "s", "", "z", 7),
        ("h2", "a", 1.0, [], "", "", "nova", 0),
    ]
    assert set(Pool.objects.filter(host="h1").values_list("ratio", "enabled")) == {(2.0, False)}
    report(h1=[state("a", problem="It is full."), state("b")])
    assert [*Pool.objects.values_list("problem", flat=True)] == ["It is full.", "", ""]
    report(h1=[state("a"), state("b")])
    assert not Pool.objects.exclude(problem="").exists()


def test_many_cost_what_one_does() -> None:
    many = {f"h{number}": [state("a"), state("b")] for number in range(20)}
    report(**many)
    counts = []
    for told in ({"h0": many["h0"]}, many):
        with CaptureQueriesContext(connection) as queries:
            report(**told)
        counts.append(len(queries))
    assert counts == [2, 2]


def test_what_lies_on_a_host_is_compared_at_the_cost_of_one() -> None:
    """Each host of a Ceph sees the locks of all volumes that another one let somebody have."""
    context, pool = caller(), make_pool()
    volumes = [make_volume(context, pool=pool) for _ in range(20)]
    for volume in volumes[1:]:
        attach(volume)
    Volume.objects.update(updated_at=None)
    locks = [
        Leftover(kind="lock", volume=VolumeRef(id=str(one.id), backend="file")) for one in volumes
    ]
    points = [Leftover(kind="point", volume=one.volume, name=str(uuid.uuid4())) for one in locks]
    names = [one.name for one in points]
    costs, found = [], {}
    for many in (1, 20):
        held = Held(left=(*locks[:many], *points[:many]), snapshots=tuple(names[:many]))
        with CaptureQueriesContext(connection) as queries:
            found = find_volumes("h1", held)
        costs.append(len(queries))
    assert costs[0] == costs[1]
    assert [one.subject for one in found["volume_lock_unknown"]] == [str(volumes[0].id)]
    assert {one.subject for one in found["backup_point_unknown"]} == {*names}
    assert {one.subject for one in found["snapshot_unknown"]} == {*names}
