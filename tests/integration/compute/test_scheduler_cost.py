"""What a placement looks at does not grow with the hosts there are: the best come first, by an index."""

from __future__ import annotations

import uuid

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from cloudweb.context import RequestContext
from compute.manager import HostManager
from compute.models import Host
from compute.objects import HostInventory
from compute.scheduler import claim, release
from compute.scheduler.weighers import weight
from operations import services
from tests.builders.compute import make_context, make_host, make_request

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]
PLACED = 4  # statements: is one held, the best, the promise, the claim


def place(**wanted: object) -> str:
    server = str(uuid.uuid4())
    claim(make_context(), instance_id=server, project_id="p", request=make_request(**wanted))
    return server


def stale() -> list[str]:
    """Return the hosts whose weight is not what it would be if they were weighed now."""
    rows = Host.objects.annotate(fresh=weight())
    return [row.name for row in rows if abs(row.weight - row.fresh) > 1e-9]


def test_whoever_changes_a_host_weighs_it_anew() -> None:
    for name in ("h1", "h2"):
        make_host(name)
    before = dict(Host.objects.values_list("name", "weight"))
    server = place()
    assert dict(Host.objects.values_list("name", "weight")) != before
    assert stale() == []
    release(server)
    assert dict(Host.objects.values_list("name", "weight")) == before
    place()
    hosts = HostManager(make_context("admin"))
    hosts.configure("h1", zone="z", cpu_ratio=16.0, ram_ratio=2.0, disk_ratio=None)
    assert stale() == []
    inventory = HostInventory(
        driver="fake", capabilities=(), hypervisor_type="fake", hypervisor_version=1,
        vcpus=2, ram=2048, disk=5,
    )  # fmt: skip
    HostManager(RequestContext.system()).note_inventories({"h2": inventory, "h3": inventory})
    assert stale() == []
    assert Host.objects.get(name="h3").weight > 0


@pytest.mark.parametrize("wanted", [{}, {"zone": "nova"}], ids=["anywhere", "in a zone"])
def test_the_best_are_found_by_an_index(wanted: dict[str, str]) -> None:
    for number in range(3):
        make_host(f"h{number}")
    with CaptureQueriesContext(connection) as captured:
        place(**wanted)
    statements = [one["sql"] for one in captured if one["sql"].startswith(("SELECT", "UPDATE"))]
    assert len(captured) - sum("SAVEPOINT" in one["sql"] for one in captured) == PLACED
    if connection.vendor != "sqlite":
        return
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(f"EXPLAIN QUERY PLAN {statement}")
            plan = "; ".join(str(row[3]) for row in cursor.fetchall())
            is_choice = "ORDER BY" in statement
            assert "TEMP B-TREE" not in plan, plan
            assert "SCAN" not in plan or (is_choice and "USING INDEX host_best" in plan), plan


def test_whether_it_is_up_is_looked_up_for_each_host_alone() -> None:
    make_host("h1")
    with CaptureQueriesContext(connection) as captured:
        assert services.is_up("h1", "compute")
        assert services.hosts_up("compute") == ["h1"]
    assert len(captured) == 2
