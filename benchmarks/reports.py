"""``python -m benchmarks.reports``: what the reports of a thousand hosts cost one control process.

A whole cloud runs on fake drivers; a thousand hosts that are not there report beside its own, each every
ten seconds, as a compute agent with ten guests does (they have no networks: they could not do what a
host is told about those when it comes up). What counts is the CPU of the control process alone.
"""

from __future__ import annotations

import argparse
import json
import sqlite3
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from celery import Celery

from benchmarks.figures import Figure, heading
from benchmarks.processes import Meter, cpu_ms, name_of, pss_mib
from cloudweb import process
from cloudweb.reports import Report, ServiceReport
from cloudweb.rpc import Sender
from cloudweb.signing import mac
from cloudweb.topics import REPORTS
from cloudweb.version import RELEASE
from compute.objects import ComputeReport, GuestState, HostInventory, HostLoad
from tests.infrastructure import ROOT, running_cloud, scratch, wait_until

EVERY = 10.0  # seconds between the reports of a host
FULL = 6  # every so many reports it says all it has
GOAL = 20.0  # percent of a core for a thousand hosts
JOIN = """
from pathlib import Path
from operations.joining import add_host
for number in range({count}):
    add_host(f"sim{{number}}", Path({directory!r}) / f"sim{{number}}")
"""


class SimulatedHost:
    """Says what a host with some guests says."""

    def __init__(self, name: str, directory: Path) -> None:
        self.name = name
        self._key = (directory / name / "credentials" / "host.key").read_bytes().strip()
        self._boot_id, self._seq = uuid.uuid4().hex, 0
        self._guests = tuple(
            GuestState(id=str(uuid.uuid4()), name=f"instance-{place:08x}", power_state="running")
            for place in range(10)
        )

    def report(self) -> dict[str, Any]:
        """Return its next report, signed."""
        self._seq += 1
        full = self._seq % FULL == 1
        inventory = HostInventory(
            driver="fake", capabilities=("console_log",), hypervisor_type="fake",
            hypervisor_version=1, vcpus=32, ram=131072, disk=2000, guests=self._guests,
        )  # fmt: skip
        load = HostLoad(ram_free=90000 + self._seq, disk_free=1500, guests=10, uptime="up 3 days")
        compute = ComputeReport(
            at=time.time(), measured=load, inventory=inventory if full else None
        )
        said = Report(
            services=(ServiceReport(domain="compute", version=RELEASE),),
            parts={"compute": compute.dump()},
        )
        envelope = {
            "v": 1, "host": self.name, "boot_id": self._boot_id, "seq": self._seq,
            "sent_at": time.time(), "kind": "report", "body": said.dump(),
        }  # fmt: skip
        message: dict[str, Any] = json.loads(json.dumps(envelope))
        return {**message, "mac": mac(self._key, message)}


def figures(*, hosts: int, seconds: float) -> Iterator[Figure]:
    """Let so many hosts report for a while, spread evenly over their interval."""
    with scratch("reports") as var:
        counters = var / "statements"
        with running_cloud(var=var, CLOUDWEB_COUNT_SQL=str(counters)) as cloud:
            meter = Meter(cloud.pid, counters)
            control = [pid for pid in meter.pids if name_of(pid) == "control"]
            environment = {
                "CLOUDWEB_VAR": str(var),
                "DJANGO_SETTINGS_MODULE": "cloudweb.settings.control",
            }
            joined = JOIN.format(count=hosts, directory=str(var / "sim"))
            process.run(
                sys.executable, str(ROOT / "manage.py"), "shell", "-c", joined,
                env=environment, timeout=600,
            )  # fmt: skip
            simulated = [SimulatedHost(f"sim{number}", var / "sim") for number in range(hosts)]
            app = Celery("hosts", broker=f"redis+socket://{var / 'run' / 'redis.sock'}")
            app.conf.update(broker_transport_options={"priority_steps": [0]})
            sender = Sender(app)
            _let_report(sender, simulated, EVERY)  # their rows are made, once
            wait_until(
                lambda: _known_hosts(var / "cloudweb.sqlite3") >= hosts,
                what="the first report of each host is taken",
            )
            time.sleep(3)
            before, memory = cpu_ms(control), sum(map(pss_mib, control))
            with meter.measured() as cost:
                took, count = _let_report(sender, simulated, seconds)
                time.sleep(3)
            spent = cpu_ms(control) - before
            yield Figure(f"Reports of {hosts} hosts, each second", count / took, "/s")
            yield Figure("CPU of the control process for each", spent / count, "ms")
            share = spent / count * (hosts / EVERY) / 10
            yield Figure(
                f"Share of a core for {hosts} hosts every 10 s", share, "%",
                goal=GOAL * hosts / 1000,
            )  # fmt: skip
            yield Figure("SQL statements for each report", cost.statements / count, "", goal=3)
            yield Figure("Memory of the control process (PSS), before", memory, "MiB")
            yield Figure("    afterwards", sum(map(pss_mib, control)), "MiB")


def _known_hosts(database: Path) -> int:
    """Return how many hosts have a row, without asking the cloud."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=60)) as connection:
        return int(connection.execute("SELECT count(*) FROM compute_host").fetchone()[0])


def _let_report(sender: Sender, hosts: list[SimulatedHost], seconds: float) -> tuple[float, int]:
    """Send reports at the hosts' pace; return the seconds it took and how many there were."""
    started, sent = time.monotonic(), 0
    while (passed := time.monotonic() - started) < seconds:
        wanted = int(passed * len(hosts) / EVERY)
        for number in range(sent, wanted):
            if not sender.put(REPORTS, hosts[number % len(hosts)].report()):
                raise RuntimeError("the broker took no report")
        sent = max(sent, wanted)
        time.sleep(0.02)
    return time.monotonic() - started, sent


def main() -> int:
    """Measure and print as it comes."""
    parser = argparse.ArgumentParser(prog="benchmarks.reports", description=__doc__)
    parser.add_argument("--hosts", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=60)
    wanted = parser.parse_args()
    print(heading(), flush=True)
    for figure in figures(hosts=wanted.hosts, seconds=wanted.seconds):
        print(figure.line(), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
