"""Servers in hosts' NUMA cells: where they lie, why they do not fit, and that nothing is given twice."""

from __future__ import annotations

import uuid
from functools import partial
from typing import Any

import pytest

from compute.exceptions import NoValidHost
from compute.guest_topology import WantedTopology, wanted_topology
from compute.models import Claim, Host
from compute.scheduler import (
    Place,
    PlacementRequest,
    claim,
    claim_where_it_is,
    hand_over,
    judge,
    release,
    with_the_same_pages,
)
from compute.scheduler.claims import recount, wrong_sums
from tests.builders.compute import make_context, make_host, make_request
from tests.integration.compute.test_overcommit import at_once

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db(transaction=True)]


def host_with_cells(
    name: str = "h1", *, cells: int = 2, dedicated: int = 4, **overrides: Any
) -> Host:
    """A host of so many cells, each with two shared and so many dedicated processors, two threads a core."""
    made = []
    for number in range(cells):
        first = number * (dedicated + 2)
        own = [first + 2 + index for index in range(dedicated)]
        made.append(
            {
                "id": number, "cpus": dedicated + 2, "ram": 4096, "shared": [first, first + 1],
                "dedicated": own, "siblings": [own[index : index + 2] for index in range(0, dedicated, 2)],
                "pages": [{"size": 2048, "total": 512}],
            }
        )  # fmt: skip
    facts = {"vcpus": cells * (dedicated + 2), "dedicated": cells * dedicated, "cells": made}
    return make_host(name, **facts | overrides)


def asking(*, vcpus: int = 2, ram: int = 512, **specs: str) -> PlacementRequest:
    keys = {f"hw:{key}": value for key, value in specs.items()}
    numa = wanted_topology(keys, {}, vcpus=vcpus, ram=ram)
    return make_request(vcpus=vcpus - (numa.own if numa else 0), ram=ram, numa=numa)


PINNED = {"cpu_policy": "dedicated"}


def place(request: PlacementRequest, server: str | None = None) -> Place:
    return claim(
        make_context(),
        instance_id=server or str(uuid.uuid4()),
        project_id="p",
        request=request,
    )


def pins(found: Place) -> list[list[int]]:
    return [cell["pins"] for cell in found.cells or ()]


def used() -> tuple[int, int, int]:
    host = Host.objects.get(name="h1")
    return host.vcpus_used, host.ram_used, host.pinned


def test_processors_are_taken_and_given_back() -> None:
    host_with_cells()
    server = str(uuid.uuid4())
    first = place(asking(numa_nodes="2", **PINNED), server)
    assert (first.host, pins(first), used()) == ("h1", [[2], [8]], (0, 512, 2))
    assert place(asking(numa_nodes="2", **PINNED), server).cells == first.cells  # asked again
    second = place(asking(**PINNED))
    assert (pins(second), used()) == ([[4, 5]], (0, 1024, 4))
    hand_over(
        holder=str(Claim.objects.latest("id").instance_id), instance_id=server
    )  # it moved there
    assert (Claim.objects.get().cells, used()) == (second.cells, (0, 512, 2))
    release(server)
    assert used() == (0, 0, 0)


def test_one_that_is_asked_for_otherwise_is_placed_anew() -> None:
    host_with_cells()
    server = str(uuid.uuid4())
    place(asking(**PINNED), server)
    large = place(asking(mem_page_size="large", **PINNED), server)
    assert [cell["page_size"] for cell in large.cells or ()] == [2048]
    floats = place(asking(numa_nodes="1"), server)
    assert ([cell["floats_on"] for cell in floats.cells or ()], used()) == ([[0, 1]], (2, 512, 0))
    mixed = place(asking(cpu_policy="mixed", cpu_dedicated_mask="1"), server)
    assert (
        [(cell["cpus"], cell["pins"], cell["floats_on"]) for cell in mixed.cells or ()],
        used(),
    ) == (
        [([1, 0], [2], [0, 1])],
        (1, 512, 1),
    )
    again = place(asking(cpu_policy="mixed", cpu_dedicated_mask="1"), server)
    assert (again.cells, used()) == (mixed.cells, (1, 512, 1))
    assert place(asking(), server).cells is None
    assert Claim.objects.get().cells is None


@pytest.mark.parametrize(
    ("request_for", "words"),
    [
        (asking(vcpus=10, **PINNED), "1 cannot fit the requested NUMA topology (1 NUMA node, 10 dedicated"),
        (asking(vcpus=5, **PINNED), "it has too few dedicated CPUs left in a NUMA cell)"),
        (
            asking(vcpus=4, cpu_policy="mixed", cpu_dedicated_mask="0"),
            "(1 NUMA node, 1 dedicated CPU and 3 shared; it has too few shared CPUs left in a NUMA cell)",
        ),
        (asking(vcpus=3, ram=768, numa_nodes="3"), "(3 NUMA nodes; it has 2 NUMA cells)"),
        (asking(ram=2048, mem_page_size="large"), "large pages; it has too few large pages left in a"),
        (asking(mem_page_size="1GB"), "pages of 1,048,576 KiB; it has too few large pages"),
        (asking(vcpus=4, cpu_thread_policy="isolate", **PINNED), "4 dedicated CPUs, threads isolated; it"),
    ],
)  # fmt: skip
def test_why_a_server_fits_nowhere(request_for: PlacementRequest, words: str) -> None:
    host_with_cells()
    with pytest.raises(NoValidHost) as caught:
        place(request_for)
    assert words in caught.value.message
    assert "It would fit now without its NUMA topology" in caught.value.message
    assert "h1: has too" in (caught.value.detail or "") or "h1: has 2" in (
        caught.value.detail or ""
    )
    assert Claim.objects.count() == 0


def test_a_host_that_fits_is_found_behind_better_ones_that_do_not() -> None:
    for number in range(12):  # more than are drawn from
        host_with_cells(f"h{number}", cells=1, ram=64000)
    host_with_cells("poor", cells=2, ram=2000)
    request = asking(numa_nodes="2", **PINNED)
    verdict = judge(request, project_id="p")
    assert (verdict.fits, verdict.drawn_from, verdict.total) == (True, ("poor",), 13)
    (removed,) = verdict.removed
    assert (removed.filter, removed.count) == ("numa", 12)
    assert removed.words.endswith("2 dedicated CPUs; each has 1 NUMA cell)")
    assert place(request).host == "poor"


def test_what_floats_does_not_run_on_what_is_dedicated() -> None:
    host_with_cells(cells=1, cpu_ratio=1.0)
    with pytest.raises(NoValidHost, match="3 wanted, at most 2 left"):
        place(make_request(vcpus=3))
    place(make_request(vcpus=2))
    assert pins(place(asking(vcpus=4, **PINNED))) == [[2, 3, 4, 5]]  # both are full now
    assert Host.objects.get().vcpus_used_in_all == 6


def test_what_a_server_holds_is_written_down_again_where_it_was_lost() -> None:
    host_with_cells()
    server = str(uuid.uuid4())
    was = place(asking(**PINNED), server)
    Claim.objects.all().delete()
    size = {"vcpus": 2, "ram": 512, "disk": 5}
    claim_where_it_is(server, host="h1", project_id="p", size=size, group_id=None, cells=was.cells)
    assert used() == (0, 512, 2)
    assert pins(place(asking(**PINNED))) != pins(was)
    Host.objects.update(pinned=9)
    assert wrong_sums() == {"h1": {"vcpus_used": 0, "ram_used": 1024, "disk_used": 10, "pinned": 4}}
    recount("h1")
    assert wrong_sums() == {}


def test_one_that_runs_takes_pages_of_its_size_along() -> None:
    wanted = WantedTopology((), page_size="any")
    assert with_the_same_pages(wanted, [{"page_size": 2048}]).page_size == 2048  # type: ignore[union-attr]
    assert with_the_same_pages(wanted, [{"page_size": 0}]).page_size == "small"  # type: ignore[union-attr]
    assert with_the_same_pages(wanted, None) is None  # an older release started it
    assert with_the_same_pages(None, None) is None


def test_sixty_four_at_once_are_never_pinned_to_the_same_processor() -> None:
    """Two hosts have 16 such processors each, so that sixteen servers get two each; then one more of each goes."""
    for name in ("h1", "h2"):
        host_with_cells(name, dedicated=8, ram=65536)
    requests = [asking(**PINNED), asking(numa_nodes="2", **PINNED)]

    def some(first: int) -> list[object]:
        found: list[object] = []
        for number in range(first, 64, 16):
            try:
                found.append(place(requests[number % 2]))
            except NoValidHost as refusal:
                found.append(refusal)
        return found

    results = at_once([partial(some, first) for first in range(16)])
    assert all(isinstance(part, list) for part in results), results
    for host in Host.objects.all():
        cells = [cell for one in host.claims.all() for cell in one.cells or ()]
        given = [pin for cell in cells for pin in cell["pins"]]
        assert len(given) == len(set(given)) == host.pinned
        for cell in cells:
            own = next(one for one in host.cells if one["id"] == cell["host_cell"])
            assert {*cell["pins"]} <= {*own["dedicated"]}
    placed = [one for part in results for one in part if isinstance(one, Place)]  # type: ignore[attr-defined]
    assert len(placed) == Claim.objects.count() == 16
    assert wrong_sums() == {}
