"""Nothing is promised twice and no room is left unused, whatever happens at the same moment."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Sequence
from functools import partial

import pytest
from django.db import connection, transaction
from django.db.models import Sum
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cloudweb.database.locks import takes
from compute.exceptions import NoValidHost
from compute.models import Claim, Host
from compute.scheduler import (
    PlacementGroup,
    PlacementRequest,
    claim,
    claimed_host,
    hand_over,
    release,
)
from operations.models import Service
from tests.builders.compute import make_context, make_host, make_request
from tests.infrastructure import PATIENCE, wait_until

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db(transaction=True)]
SEVERAL = settings(
    max_examples=8,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def at_once(calls: Sequence[Callable[[], object]]) -> list[object]:
    """Call all at the same moment, each in a thread of its own; return results or exceptions."""
    results: list[object] = [None] * len(calls)
    start = threading.Barrier(len(calls))

    def run(index: int) -> None:
        try:
            start.wait(PATIENCE)
            results[index] = calls[index]()
        except Exception as error:  # noqa: BLE001 - the test looks at it
            results[index] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(index,)) for index in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    return results


def claiming(request: PlacementRequest, instance_id: str | None = None) -> Callable[[], str]:
    server = instance_id or str(uuid.uuid4())
    return lambda: claim(make_context(), instance_id=server, project_id="p", request=request).host


def by_sixteen(calls: Sequence[Callable[[], object]]) -> list[object]:
    """Call all, by sixteen clients at once, each its part in turn; return results and refusals in their order.

    There are as many connections as PostgreSQL gives a worker of the tests.
    """

    def in_turn(part: Sequence[Callable[[], object]]) -> list[object]:
        found: list[object] = []
        for call in part:
            try:
                found.append(call())
            except NoValidHost as refusal:
                found.append(refusal)
        return found

    told = at_once([partial(in_turn, calls[first::16]) for first in range(16)])
    results: list[object] = [None] * len(calls)
    for first, found in enumerate(told):
        assert isinstance(found, list), told
        results[first::16] = found
    return results


def empty_cloud() -> None:
    Claim.objects.all().delete()
    Host.objects.all().delete()
    Service.objects.all().delete()


def assert_the_books_are_right() -> None:
    for host in Host.objects.all():
        sums = host.claims.aggregate(vcpus=Sum("vcpus"), ram=Sum("ram"), disk=Sum("disk"))
        assert (host.vcpus_used, host.ram_used, host.disk_used) == (
            sums["vcpus"] or 0,
            sums["ram"] or 0,
            sums["disk"] or 0,
        )
        assert host.vcpus_used <= host.vcpus_limit
        assert host.ram_used <= host.ram_limit
        assert host.disk_used <= host.disk_limit


@SEVERAL
@given(rooms=st.lists(st.integers(0, 3), min_size=1, max_size=4), servers=st.integers(2, 8))
def test_equal_servers_fill_the_hosts_exactly(rooms: list[int], servers: int) -> None:
    empty_cloud()
    for number, room in enumerate(rooms):
        make_host(f"h{number}", ram=512 * room)
    results = at_once([claiming(make_request()) for _ in range(servers)])
    placed = [result for result in results if isinstance(result, str)]
    assert all(isinstance(result, str | NoValidHost) for result in results), results
    assert len(placed) == min(servers, sum(rooms)) == Claim.objects.count()
    assert_the_books_are_right()


sizes = st.tuples(st.integers(1, 5), st.integers(1, 2000), st.integers(0, 40))


@SEVERAL
@given(
    hosts=st.lists(sizes, min_size=1, max_size=3), servers=st.lists(sizes, min_size=2, max_size=8)
)
def test_servers_of_any_size_never_over_promise_a_host(
    hosts: list[tuple[int, int, int]], servers: list[tuple[int, int, int]]
) -> None:
    empty_cloud()
    for number, (vcpus, ram, disk) in enumerate(hosts):
        make_host(f"h{number}", vcpus=vcpus, ram=ram, disk=disk, cpu_ratio=1.5)
    results = at_once([claiming(PlacementRequest(vcpus=v, ram=r, disk=d)) for v, r, d in servers])
    assert all(isinstance(result, str | NoValidHost) for result in results), results
    assert_the_books_are_right()


def test_64_creates_at_once_fill_over_promised_hosts_and_a_group_and_no_more() -> None:
    empty_cloud()
    hosts = [make_host(f"h{number}", vcpus=4, cpu_ratio=None, ram=8192) for number in range(4)]
    ratios = {"shared_cpu_ratio": 1.5, "shared_ram_ratio": 1.0}  # six servers on each
    Host.objects.update(**ratios)
    apart = make_request(group=PlacementGroup(uuid.uuid4(), "anti-affinity", most=2))
    wanted = [apart if number % 4 == 0 else make_request() for number in range(64)]
    results = by_sixteen([claiming(request) for request in wanted])
    assert Claim.objects.count() == sum(isinstance(result, str) for result in results) == 24
    assert all(host.claims.filter(group_id__isnull=False).count() <= 2 for host in hosts)
    assert_the_books_are_right()


def test_one_server_claimed_by_many_holds_one_place() -> None:
    empty_cloud()
    make_host("h1")
    make_host("h2")
    server = str(uuid.uuid4())
    results = at_once([claiming(make_request(), server) for _ in range(6)])
    assert claimed_host(server) in results
    assert Claim.objects.count() == 1
    assert_the_books_are_right()


def test_one_server_released_by_many_gives_back_once() -> None:
    empty_cloud()
    make_host("h1")
    server, other = str(uuid.uuid4()), str(uuid.uuid4())
    claiming(make_request(), server)()
    claiming(make_request(), other)()
    results = at_once([lambda: release(server) for _ in range(6)])
    assert results == [None] * 6
    assert claimed_host(other) == "h1"
    assert_the_books_are_right()


def test_servers_that_all_grow_at_once_never_over_promise_a_host() -> None:
    """A resize holds a place of its new size beside the old one, until somebody decides (64 at once)."""
    empty_cloud()
    for number in range(4):
        make_host(f"h{number}", vcpus=64, ram=512 * 24, disk=1000)
    servers = [str(uuid.uuid4()) for _ in range(64)]
    for server in servers:
        claiming(make_request(), server)()
    movers = [str(uuid.uuid4()) for _ in servers]
    larger = PlacementRequest(vcpus=1, ram=1024, disk=1)
    results = by_sixteen([claiming(larger, mover) for mover in movers])
    moved = [one for one, result in zip(movers, results, strict=True) if isinstance(result, str)]
    assert all(isinstance(result, str | NoValidHost) for result in results), results
    assert len(moved) >= 12
    assert all(host.ram_limit - host.ram_used < larger.ram for host in Host.objects.all())
    assert_the_books_are_right()
    pairs = [(mover, servers[movers.index(mover)]) for mover in moved]
    by_sixteen([partial(hand_over, holder=mover, instance_id=one) for mover, one in pairs])
    assert Claim.objects.count() == 64
    assert_the_books_are_right()


def test_servers_of_a_group_that_come_at_once_are_where_its_policy_wants_them() -> None:
    hosts = [make_host(f"h{number}", vcpus=8, cpu_ratio=1.0, ram=8192) for number in range(3)]
    apart = make_request(group=PlacementGroup(uuid.uuid4(), "anti-affinity"))
    two = make_request(group=PlacementGroup(uuid.uuid4(), "anti-affinity", most=2))
    together = make_request(group=PlacementGroup(uuid.uuid4(), "affinity"))
    for request, expected in ((apart, [1, 1, 1]), (two, [2, 2, 2]), (together, [0, 0, 8])):
        at_once([claiming(request) for _ in range(8)])
        found = [host.claims.filter(group_id=request.group.id).count() for host in hosts]
        assert sorted(found) == expected
        Claim.objects.all().delete()
        Host.objects.update(vcpus_used=0, ram_used=0, disk_used=0)
    assert_the_books_are_right()


@pytest.mark.postgresql  # on SQLite whoever writes is alone
def test_who_found_a_host_full_goes_on_to_the_next_without_a_lock() -> None:
    """Two that waited for one host each, in vain, find room on the other's: with their locks they wait for ever."""
    for name in ("h1", "h2"):
        make_host(name)
    filled, both = threading.Event(), threading.Barrier(2)

    def waits() -> bool:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = 'transactionid'"
            )
            return bool(cursor.fetchone() == (2,))

    def fill() -> None:
        with transaction.atomic():
            Host.objects.update(vcpus_used=1)
            filled.set()
            wait_until(waits, what="both wait for a host")

    def go(*names: str) -> list[bool]:
        assert filled.wait(PATIENCE)
        taken = []
        with transaction.atomic():
            for used, name in enumerate(names):
                fits = Host.objects.filter(name=name, vcpus_used=used)
                taken.append(takes(partial(fits.update, vcpus_used=2)))
                both.wait(PATIENCE)
        return taken

    results = at_once([fill, partial(go, "h1", "h2"), partial(go, "h2", "h1")])
    assert results == [None, [False, True], [False, True]]
