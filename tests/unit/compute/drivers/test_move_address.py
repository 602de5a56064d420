"""Where other hosts read the disks of this one's guests."""

from __future__ import annotations

from pathlib import Path

import pytest

from compute.drivers.libvirt.offers import wire_of

NAMES = ("COMPUTE_MOVE_ADDRESS", "VOLUME_ADDRESS", "NETWORK_TUNNEL")


def test_it_is_the_first_that_is_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    assert wire_of(tmp_path).address == "127.0.0.1"
    for number, name in enumerate(reversed(NAMES)):
        monkeypatch.setenv(name, f"192.0.2.{number}")
        assert wire_of(tmp_path).address == f"192.0.2.{number}"
