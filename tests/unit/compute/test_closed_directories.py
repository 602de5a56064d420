"""What a host keeps is closed to other users, also where an older version left it open."""

from __future__ import annotations

from pathlib import Path

import pytest

from cloudweb.files import PASSED_THROUGH, PRIVATE
from cloudweb.orderbook import OrderBook
from compute import hosting as compute_hosting
from network import hosting as network_hosting

WANTED = {
    "compute": PASSED_THROUGH,  # by guests of the machine's own libvirtd
    "guests": PRIVATE,
    "images": PRIVATE,
    "network": PRIVATE,
    "orders": PRIVATE,
}


@pytest.mark.parametrize("left_open", [False, True])
def test_a_host_closes_its_directories(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, left_open: bool
) -> None:
    monkeypatch.setenv("DRIVERS", "fake")
    for name in WANTED if left_open else ():
        (tmp_path / name).mkdir(mode=0o755)
    OrderBook(tmp_path / "orders")
    compute_hosting.build_agent(host="h1", directory=tmp_path)
    network_hosting.build_agent(host="h1", directory=tmp_path)
    assert {name: (tmp_path / name).stat().st_mode & 0o777 for name in WANTED} == WANTED
