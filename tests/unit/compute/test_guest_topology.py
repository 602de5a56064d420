"""What flavors and images say of processors and memory: Nova's keys, its precedence, its words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compute.cpu_sets import cpu_set, parse_cpu_set
from compute.exceptions import GuestTopologyInvalid
from compute.guest_processors import Processors, wanted_processors
from compute.guest_topology import WantedCell, WantedTopology, wanted_topology

Strings = dict[str, str]


def wanted(specs: Strings, image: Strings, vcpus: int = 4, ram: int = 1024) -> WantedTopology:
    flavor = {f"hw:{key}": value for key, value in specs.items()}
    properties = {f"hw_{key}": value for key, value in image.items()}
    found = wanted_topology(flavor, properties, vcpus=vcpus, ram=ram)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("specs", "image"),
    [
        ({}, {}),
        ({"cpu_policy": "shared"}, {}),
        ({"cpu_policy": "shared"}, {"cpu_policy": "shared"}),
        ({"numa_cpus.0": "0-3"}, {}),  # of no node
        ({"cpu_sockets": "2"}, {}),
    ],
)
def test_who_asks_for_nothing_gets_nothing(specs: Strings, image: Strings) -> None:
    with pytest.raises(AssertionError):
        wanted(specs, image)


HALVES = (WantedCell((0, 1), 512), WantedCell((2, 3), 512))
WHOLE = (WantedCell((0, 1, 2, 3), 1024),)
MIXED = {"cpu_policy": "mixed"}


@pytest.mark.parametrize(
    ("specs", "image", "found"),
    [
        ({"numa_nodes": "2"}, {}, WantedTopology(HALVES)),
        ({}, {"numa_nodes": "2"}, WantedTopology(HALVES)),
        ({"cpu_policy": "dedicated"}, {}, WantedTopology(WHOLE, dedicated=True)),
        ({}, {"cpu_policy": "dedicated"}, WantedTopology(WHOLE, dedicated=True)),
        ({"cpu_policy": "dedicated"}, {"cpu_policy": "shared"}, WantedTopology(WHOLE, dedicated=True)),
        (
            {"cpu_policy": "dedicated"},
            {"cpu_thread_policy": "isolate"},
            WantedTopology(WHOLE, dedicated=True, threads="isolate"),
        ),
        (
            {"cpu_policy": "dedicated", "cpu_thread_policy": "prefer"},
            {"cpu_thread_policy": "require"},
            WantedTopology(WHOLE, dedicated=True, threads="require"),
        ),
        ({"mem_page_size": "large"}, {}, WantedTopology(WHOLE, page_size="large")),
        ({"mem_page_size": "any"}, {"mem_page_size": "2MB"}, WantedTopology(WHOLE, page_size=2048)),
        ({"mem_page_size": "1GB"}, {}, WantedTopology(WHOLE, page_size=1048576)),
        (
            {"numa_nodes": "2", "numa_cpus.0": "0", "numa_cpus.1": "1-3"}
            | {"numa_mem.0": "256", "numa_mem.1": "768"},
            {},
            WantedTopology((WantedCell((0,), 256), WantedCell((1, 2, 3), 768))),
        ),
        (
            MIXED | {"cpu_dedicated_mask": "1,3"},
            {"cpu_policy": "shared", "cpu_thread_policy": "isolate"},
            WantedTopology((WantedCell((1, 3, 0, 2), 1024, 2),), dedicated=True, threads="isolate"),
        ),
        (
            {"cpu_dedicated_mask": "^0", "numa_nodes": "2"},
            {"cpu_policy": "mixed"},
            WantedTopology((WantedCell((1, 0), 512, 1), WantedCell((2, 3), 512)), dedicated=True),
        ),
        (
            MIXED | {"cpu_dedicated_mask": "0-1", "numa_nodes": "2"},
            {},
            WantedTopology((WantedCell((0, 1), 512), WantedCell((2, 3), 512, 2)), dedicated=True),
        ),
    ],
)  # fmt: skip
def test_both_are_heard(specs: Strings, image: Strings, found: WantedTopology) -> None:
    assert wanted(specs, image) == found


LISTED = {"numa_nodes": "2", "numa_mem.0": "512", "numa_mem.1": "512"}


@pytest.mark.parametrize(
    ("specs", "image", "words"),
    [
        ({"numa_nodes": "2"}, {"numa_nodes": "2"}, "'hw_numa_nodes' is not permitted to override NUMA"),
        ({"numa_nodes": "0"}, {}, "'numa_nodes' cannot be '0'. It must be a number greater than 0"),
        ({"numa_nodes": "many"}, {}, "'numa_nodes' cannot be 'many'"),
        ({"numa_nodes": "3"}, {}, "cannot be evenly distributed across instance NUMA nodes"),
        ({"numa_nodes": "99999999999"}, {}, "evenly|greater than 0"),
        ({"numa_nodes": "2", "numa_cpus.0": "0-3"}, {}, "must be provided for all NUMA nodes"),
        (LISTED, {}, "must be provided for all NUMA nodes"),
        (LISTED | {"numa_cpus.0": "0-1", "numa_cpus.1": "^1"}, {}, "must be provided for all NUMA"),
        (LISTED | {"numa_cpus.0": "0-1", "numa_cpus.1": "2-4"}, {}, "number 4 is larger than max 3"),
        (LISTED | {"numa_cpus.0": "0-2", "numa_cpus.1": "2-3"}, {}, "number 2 is assigned to two nodes"),
        (LISTED | {"numa_cpus.0": "0", "numa_cpus.1": "2"}, {}, "number 1,3 is not assigned to any node"),
        (LISTED | {"numa_cpus.0": "0-", "numa_cpus.1": "2"}, {}, "Invalid inclusion expression '0-'"),
        (
            LISTED | {"numa_cpus.0": "0-1", "numa_cpus.1": "2-3", "numa_mem.1": "256"},
            {},
            "768 MB of memory assigned, but expected 1024 MB",
        ),
        ({"cpu_policy": "shared"}, {"cpu_policy": "dedicated"}, "'hw_cpu_policy' is not permitted"),
        ({"cpu_policy": "shared"}, MIXED, "'hw_cpu_policy' is not permitted"),
        (MIXED | {"cpu_dedicated_mask": "0"}, {"cpu_policy": "dedicated"}, "'hw_cpu_policy' is not perm"),
        ({"cpu_policy": "both"}, {}, "'flavor extra specs' is invalid, given: 'both', available: 'ded"),
        (MIXED, {}, "policy needs 'hw:cpu_dedicated_mask' of the flavor"),
        (MIXED, {"cpu_dedicated_mask": "0"}, "policy needs 'hw:cpu_dedicated_mask' of the flavor"),
        ({"cpu_dedicated_mask": "0"}, {}, "'hw:cpu_dedicated_mask' without the 'mixed' policy"),
        ({"cpu_policy": "dedicated", "cpu_dedicated_mask": "0"}, {}, "without the 'mixed' policy"),
        (MIXED | {"cpu_dedicated_mask": "0-3"}, {}, "at least 1 pinned vCPU and 1 unpinned vCPU"),
        (MIXED | {"cpu_dedicated_mask": "^0-3"}, {}, "at least 1 pinned vCPU and 1 unpinned vCPU"),
        (MIXED | {"cpu_dedicated_mask": "3-4"}, {}, "is not a subset of vCPUs in the flavor"),
        (MIXED | {"cpu_dedicated_mask": "some"}, {}, "Invalid inclusion expression 'some'"),
        ({}, {"cpu_policy": "x"}, "from 'image properties' is invalid, given: 'x'"),
        ({"cpu_thread_policy": "isolate"}, {}, "Cannot set cpu thread pinning policy in a non dedicated"),
        (
            {"cpu_policy": "dedicated", "cpu_thread_policy": "isolate"},
            {"cpu_thread_policy": "require"},
            "'hw_cpu_thread_policy' is not permitted",
        ),
        ({"cpu_policy": "dedicated", "cpu_thread_policy": "y"}, {}, "CPU thread policy requested"),
        ({}, {"mem_page_size": "large"}, "Page size large forbidden against '<empty>'"),
        ({"mem_page_size": "2048"}, {"mem_page_size": "1GB"}, "1gb forbidden against '2048'"),
        ({"mem_page_size": "huge"}, {}, "Invalid memory page size 'huge'"),
        ({"mem_page_size": "9999999999999999999999"}, {}, "Invalid memory page size"),
        ({"mem_page_size": "0"}, {}, "Invalid memory page size"),
    ],
)  # fmt: skip
def test_what_contradicts_itself_is_refused_in_novas_words(
    specs: Strings, image: Strings, words: str
) -> None:
    with pytest.raises(GuestTopologyInvalid, match=words):
        wanted(specs, image)


@pytest.mark.parametrize(
    ("specs", "image", "found"),
    [
        ({}, {}, None),
        ({"hw:cpu_sockets": "2"}, {}, Processors(2, 4, 1)),
        ({"hw:cpu_threads": "2"}, {}, Processors(4, 1, 2)),
        ({"hw:cpu_sockets": "2"}, {"hw_cpu_cores": "8"}, Processors(1, 8, 1)),
        ({"hw:cpu_max_sockets": "1"}, {}, Processors(1, 8, 1)),
        ({"hw:cpu_sockets": "1", "hw:cpu_cores": "4", "hw:cpu_threads": "2"}, {}, Processors(1, 4, 2)),
    ],
)  # fmt: skip
def test_processors_are_arranged_as_is_wished(
    specs: Strings, image: Strings, found: Processors | None
) -> None:
    assert wanted_processors(specs, image, vcpus=8) == found


@pytest.mark.parametrize(
    ("specs", "image", "words"),
    [
        ({"hw:cpu_max_sockets": "1", "hw:cpu_max_cores": "2", "hw:cpu_max_threads": "2"}, {}, "1:2:2 are imp"),
        ({"hw:cpu_max_cores": "2"}, {"hw_cpu_max_cores": "4"}, "exceeds the limits of the flavor"),
        ({"hw:cpu_max_cores": "2"}, {"hw_cpu_cores": "4"}, "exceeds the limits of the flavor or image"),
        ({"hw:cpu_cores": "some"}, {}, "hw:cpu_cores is a number from 1"),
    ],
)  # fmt: skip
def test_an_arrangement_that_cannot_be_is_refused(
    specs: Strings, image: Strings, words: str
) -> None:
    with pytest.raises(GuestTopologyInvalid, match=words):
        wanted_processors(specs, image, vcpus=8)


@given(st.frozensets(st.integers(0, 200)))
def test_a_set_of_processors_is_read_as_it_was_written(numbers: frozenset[int]) -> None:
    assert parse_cpu_set(cpu_set(numbers)) == tuple(sorted(numbers))


def test_a_set_of_processors_may_leave_some_out() -> None:
    assert parse_cpu_set("0-3, 8 ,^2") == (0, 1, 3, 8)
    for wrong in ("x", "3-1", "-", "0-99999999", "1-"):
        with pytest.raises(ValueError, match="not a set of processors"):
            parse_cpu_set(wrong)
