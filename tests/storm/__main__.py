"""``make storm``: ten minutes of trouble on real drivers (``ARGS="--fake --minutes 2"`` and the like)."""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from cloudweb import process
from tests.host.cloud.conftest import own_names, remove
from tests.storm.storm import Head, Report, Storm, say


def main() -> int:
    """Run a storm and print how it ended; return 1 when anything was left, lost or grew."""
    parser = argparse.ArgumentParser(prog="make storm", description=__doc__)
    parser.add_argument("--fake", action="store_true", help="guests in memory; needs no root")
    parser.add_argument("--minutes", type=float, default=10.0, help="two thirds of it with trouble")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--tenants", type=int, default=0, help="default 4, 12 with --fake")
    parser.add_argument(
        "--burst", type=int, default=-1, help="creates at once (default 1000 with --fake)"
    )
    parser.add_argument("--freeze", type=float, default=45.0, help="seconds a process stands still")
    wanted = parser.parse_args()
    real = not wanted.fake
    if real and os.geteuid() != 0:
        say("Real drivers need root; without it: make storm ARGS=--fake")
        return 2
    settings = own_names() if real else {"DRIVERS": "fake"}
    os.environ.update(settings)
    burst = wanted.burst if wanted.burst >= 0 else 0 if real else 1000
    with _place(settings, real=real) as (var, has_own_disk):
        say(f"a storm of {wanted.minutes:g} minutes, seed {wanted.seed}, in {var}")
        with contextlib.closing(Head(var, settings)) as head:
            storm = Storm(
                head, seed=wanted.seed, tenants=wanted.tenants or (4 if real else 12),
                freeze=wanted.freeze, patience=600, may_fill=has_own_disk, real=real,
            )  # fmt: skip
            seconds = wanted.minutes * 60
            report = storm.run(rough=seconds * 2 / 3, calm=seconds / 3, burst=burst)
    return _tell(report)


@contextlib.contextmanager
def _place(settings: dict[str, str], *, real: bool) -> Iterator[tuple[Path, bool]]:
    """Give a data directory, on a file system of its own where we may mount one."""
    home = Path(tempfile.mkdtemp(prefix="cw-storm-", dir="/tmp"))
    mounted = os.geteuid() == 0 and (
        process.run(
            "mount", "-t", "tmpfs", "-o", "size=3g", "storm", str(home), check=False
        ).returncode
        == 0
    )
    try:
        yield home, mounted
    finally:
        if real:
            remove(home, settings)
        if mounted:
            process.run("umount", "--lazy", str(home))
        shutil.rmtree(home, ignore_errors=True)


def _tell(report: Report) -> int:
    say(f"{report.lives} servers lived and went, through {report.troubles} troubles")
    for kind, (first, last) in report.memory.items():
        say(f"memory of {kind}: at most {first:.0f} MiB at first, {last:.0f} in the end")
    for title, found in (
        ("met by tenants", report.complaints), ("left", report.left), ("grew", report.grown),
    ):  # fmt: skip
        for line in found:
            say(f"{title}: {line}")
    say("nothing was lost, left or grew" if report.is_well else "NOT WELL, see above")
    return 0 if report.is_well else 1


if __name__ == "__main__":
    sys.exit(main())
