"""What is free in a pool's blocks."""

from __future__ import annotations

from ipaddress import ip_network

from hypothesis import given, settings
from hypothesis import strategies as st

from network.pool_space import compact, first_free, overlapping, within, without


def test_the_lowest_block_that_is_free() -> None:
    ten = "10.0.0.0/16"
    found = {
        "empty": first_free([ten], [], 24),
        "behind": first_free([ten], ["10.0.0.0/24"], 24),
        "aligned": first_free([ten], ["10.0.0.0/26"], 24),
        "a hole": first_free([ten], ["10.0.0.0/24", "10.0.2.0/24"], 24),
        "the next prefix": first_free(["10.0.0.0/24", "10.9.0.0/24"], ["10.0.0.0/24"], 24),
        "too small": first_free(["10.0.0.0/24"], [], 23),
        "full": first_free(["10.0.0.0/24"], ["10.0.0.128/25", "10.0.0.0/25"], 26),
        "foreign": first_free(["10.0.0.0/24"], ["10.7.0.0/24"], 24),
        "six": first_free(["2001:db8::/48"], ["2001:db8::/64"], 64),
    }
    assert {name: str(block) for name, block in found.items()} == {
        "empty": "10.0.0.0/24",
        "behind": "10.0.1.0/24",
        "aligned": "10.0.1.0/24",
        "a hole": "10.0.1.0/24",
        "the next prefix": "10.9.0.0/24",
        "too small": "None",
        "full": "None",
        "foreign": "10.0.0.0/24",
        "six": "2001:db8:0:1::/64",
    }


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(26, 30), min_size=1, max_size=24))
def test_nothing_is_given_twice_and_nothing_is_lost(lengths: list[int]) -> None:
    pool = ["10.0.0.0/25", "10.0.1.0/26"]
    taken: list[str] = []
    for length in lengths:
        block = first_free(pool, taken, length)
        if block is None:
            free = [ip_network(one) for one in without(pool, taken)]
            assert all(one.prefixlen > length for one in free)
            continue
        assert within(block, pool)
        assert not overlapping([str(block)], taken)
        taken.append(str(block))
    assert compact([*without(pool, taken), *taken]) == compact(pool)
