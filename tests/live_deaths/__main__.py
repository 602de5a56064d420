"""``python -m tests.live_deaths``: let each victim die in each phase of a live migration, on real hosts.

It runs in namespaces of its own, some ten seconds for each death; needs root.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
import traceback
from collections.abc import Sequence
from pathlib import Path

import libvirt

from tests.live_deaths.journey import UNFINISHED, Pings, Voyager
from tests.live_deaths.phases import ABSENT, PHASES, SWITCH, VICTIMS, dies
from tests.live_deaths.stage import STORAGES, stage

ORDER = (SWITCH, *PHASES)
INSIDE = "CLOUDWEB_LIVE_DEATHS"
ENTER = ("unshare", "--net", "--mount", "sh", "-c")
SCRIPT = 'ip link set lo up; mkdir -p /run/netns; mount -t tmpfs tmpfs /run/netns; exec "$@"'


def main() -> int:
    """Print a line for each death, and at the end those that ended badly; return how many."""
    parser = argparse.ArgumentParser(prog="python -m tests.live_deaths", description=__doc__)
    parser.add_argument("--storage", choices=STORAGES, default="copy")
    parser.add_argument("--phases", nargs="*", choices=ORDER, default=ORDER)
    parser.add_argument("--victims", nargs="*", choices=[*VICTIMS], default=[*VICTIMS])
    parser.add_argument("--skip", type=int, default=0, help="so many deaths are left out")
    parser.add_argument("--keep", type=Path, help="where the logs of all processes go")
    wanted = parser.parse_args()
    if not os.environ.get(INSIDE):
        words = ("sh", sys.executable, "-m", "tests.live_deaths", *sys.argv[1:])
        os.execvpe(ENTER[0], [*ENTER, SCRIPT, *words], {**os.environ, INSIDE: "yes"})
    deaths = [
        (phase, victim)
        for phase in wanted.phases
        for victim in wanted.victims
        if (victim, phase) not in ABSENT
    ][wanted.skip :]
    with stage(wanted.storage, keep=wanted.keep) as (voyager, pings):
        bad = _let_die(voyager, pings, deaths)
    for line in bad:
        say(f"BAD {line}")
    say(f"{len(deaths) - len(bad)} of {len(deaths)} ended well")
    return min(len(bad), 100)


def say(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{time.strftime('%H:%M:%S')} {line}\n")
    sys.stdout.flush()


def _let_die(voyager: Voyager, pings: Pings, deaths: Sequence[tuple[str, str]]) -> list[str]:
    voyager.keep()
    for _ in range(3):  # there, back and there again, undisturbed
        began, at = time.monotonic(), pings.now()
        (where,) = {*voyager.hosts} - {voyager.row().hypervisor_hostname}
        voyager.goes(where)
        say(f"undisturbed to {where}: {time.monotonic() - began:.1f} s, gap {pings.gap(at):.2f} s")
    at = pings.now()
    way = voyager.is_called_off()
    said = voyager.ends(way)
    assert said["status"] == "cancelled", said
    assert voyager.is_whole(died=False) == way.source.name
    voyager.all_agree(way.source.name)
    say(f"called off while memory went: gap {pings.gap(at):.2f} s")
    bad = []
    for phase, victim in deaths:
        at, name = pings.now(), f"{phase}, {victim}"
        try:
            say(f"{dies(voyager, phase, victim)}, gap {pings.gap(at):.2f} s")
        except Exception as error:  # noqa: BLE001  whatever is wrong, the next one dies
            say(f"BAD {name}: {error!r:.1500}")
            traceback.print_exc(limit=-4)
            bad.append(f"{name}: {error!r:.300}")
            _describe(voyager)
            if len(bad) >= 5:
                break
            voyager.rests()
    return bad


def _describe(voyager: Voyager) -> None:
    """Say where all of it is, and go on from there."""
    row, last = voyager.row(), voyager.last()
    say(f"  {row.status} {row.task_state} on {row.hypervisor_hostname}: {row.fault}, {last}")
    say(f"  copies {voyager.copies()}, steps {voyager.steps()}")
    say(f"  unfinished {voyager.ask(UNFINISHED)}")
    for name, host in voyager.hosts.items():
        try:
            say(f"  {name}: {host.domains()}")
        except libvirt.libvirtError as error:
            say(f"  {name}: {error!r}")


if __name__ == "__main__":
    sys.exit(main())
