"""Which user is a guest's."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from compute.drivers.base import HypervisorUnavailable
from compute.drivers.libvirt import facts, users
from compute.drivers.libvirt.users import GuestUsers, draw, guest_uids

UIDS = range(2_000_000_000, 2_000_000_004)


def test_a_guest_draws_what_no_other_has_and_the_same_wherever_it_is_free() -> None:
    alone = draw("g1", UIDS, set())
    assert draw("g1", UIDS, {uid for uid in UIDS if uid != alone}) == alone
    taken: set[int] = set()
    for number in range(len(UIDS)):
        taken.add(draw(f"g{number}", UIDS, taken))
    assert taken == set(UIDS)
    with pytest.raises(HypervisorUnavailable, match="GUEST_UIDS"):
        draw("one too many", UIDS, taken)


def test_who_owns_the_directory_is_the_record(tmp_path: Path) -> None:
    home = tmp_path / "g1"
    home.mkdir()
    own = os.getuid()
    assert GuestUsers(tmp_path, range(own, own + 9), shared=0).of(home) == own
    other = tmp_path / "g2"
    assert GuestUsers(tmp_path, range(own, own + 2), shared=0).of(other) == own + 1
    assert GuestUsers(tmp_path, None, shared=64055).of(home) == 64055


@pytest.mark.parametrize(
    ("uid_map", "has"),
    [
        ("         0          0 4294967295\n", True),
        ("0 100000 65536\n", False),
        ("0 1000 1\n1879048192 500000 134217728\n", True),
        ("1879048193 500000 134217728\n", False),
    ],
)
def test_a_container_has_the_uids_or_guests_share_one(
    monkeypatch: pytest.MonkeyPatch, uid_map: str, has: bool
) -> None:
    monkeypatch.setattr(users.Path, "read_text", lambda path: uid_map)
    assert (guest_uids() is not None) is has


@pytest.mark.parametrize("text", ["", "1", "0-5", "9-3", "1-4294967295", "a-b", "1-2-3"])
def test_an_impossible_range_is_said(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("GUEST_UIDS", text)
    with pytest.raises(HypervisorUnavailable, match="GUEST_UIDS"):
        guest_uids()


@pytest.mark.parametrize(
    ("mode", "group", "found"),
    [(0o666, 0, 7), (0o660, 109, 109), (0o660, 0, None), (0o600, 109, None)],
)
def test_the_group_that_opens_kvm(
    monkeypatch: pytest.MonkeyPatch, mode: int, group: int, found: int | None
) -> None:
    status = os.stat_result((0o020000 | mode, 0, 0, 1, 0, group, 0, 0, 0, 0))
    monkeypatch.setattr(facts.probe.DEVICE.__class__, "stat", lambda path: status)
    assert facts.group_for_kvm(7) == found
