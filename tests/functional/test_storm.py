"""Every trouble once while tenants work: none meets an error, and nothing is left (``make storm`` goes on longer)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from cloudweb import process
from tests.infrastructure import PATIENCE, scratch
from tests.storm.storm import Head, Storm

pytestmark = pytest.mark.timeout(900)


@pytest.fixture
def place() -> Iterator[tuple[Path, bool]]:
    """A data directory, and whether it has a file system of its own, which may be filled."""
    with scratch("storm") as var:
        mount = ("mount", "-t", "tmpfs", "-o", "size=2g", "storm", str(var))
        own_disk = os.geteuid() == 0 and process.run(*mount, check=False).returncode == 0
        try:
            yield var, own_disk
        finally:
            if own_disk:
                process.run("umount", "--lazy", str(var))


def test_nothing_is_lost_or_left(place: tuple[Path, bool]) -> None:
    var, own_disk = place
    # a tenth of all intervals: a host is down after 3 s
    with closing(Head(var, {"DRIVERS": "fake", "CLOUDWEB_TIME_SCALE": "0.1"})) as head:
        storm = Storm(
            head, seed=7, tenants=4, freeze=4.0, patience=3 * PATIENCE, pause=(0.1, 0.5),
            may_fill=own_disk,
        )  # fmt: skip
        report = storm.run(rough=0, calm=0)
    assert report.troubles == len(storm.weather.troubles())
    assert report.lives > 0
    assert {"complaints": report.complaints, "left": report.left} == {"complaints": [], "left": []}
