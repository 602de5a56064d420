"""What QoS specs mean to a hypervisor."""

from __future__ import annotations

from volume.throttle import throttle_of


def test_what_is_said_in_each_way() -> None:
    cases: dict[str, tuple[dict[str, str], dict[str, int]]] = {
        "nothing": ({}, {}),
        "plain": ({"read_iops_sec": "5"}, {"read_iops_sec": 5}),
        "by size": ({"total_iops_sec_per_gb": "5"}, {"total_iops_sec": 50}),
        "by size, but not less": (
            {"total_iops_sec_per_gb": "5", "total_iops_sec_per_gb_min": "80"},
            {"total_iops_sec": 80},
        ),
        "a burst": ({"write_bytes_sec_max": "7"}, {"write_bytes_sec_max": 7}),
        "a total over its parts": (
            {"total_bytes_sec": "9", "read_bytes_sec": "5", "read_iops_sec": "1"},
            {"total_bytes_sec": 9, "read_iops_sec": 1},
        ),
        "no numbers": ({"read_iops_sec": "-1", "write_iops_sec": "many", "size_iops_sec": ""}, {}),
        "another's keys": ({"maxIOPS": "5"}, {}),
        "a number too large": ({"read_iops_sec": "9" * 30}, {}),
    }
    found = {name: dict(throttle_of(specs, size=10)) for name, (specs, _) in cases.items()}
    assert found == {name: wanted for name, (_, wanted) in cases.items()}
