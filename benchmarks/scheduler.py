"""``python -m benchmarks.scheduler``: what a placement among ten thousand hosts costs, on both databases.

CPU, not time: of this process, and of PostgreSQL's beside it, so that a busy machine does not show.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import time
import uuid
from pathlib import Path

from benchmarks.figures import Figure, heading
from cloudweb import process
from tests.infrastructure import ROOT, private_postgresql, scratch

GOALS = {"sqlite": 12.0, "postgresql": 20.0}  # ms: the median, and the 99th of a hundred
PLACED = 300


def fill(hosts: int) -> None:
    """Make hosts that are up and used unevenly, each with a few guests."""
    from datetime import timedelta

    from cloudweb.database.clock import now
    from compute.models import Host
    from compute.scheduler.weighers import weight
    from operations.models import Service

    guests = [{"id": str(uuid.uuid4()), "name": "instance", "power_state": "running"}] * 10
    drawn = random.Random(1)
    Host.objects.bulk_create(
        (
            Host(
                name=f"h{number}", driver="fake", capabilities={"console_log": True}, vcpus=32,
                ram=131072, disk=2000, vcpus_used=drawn.randrange(64),
                ram_used=drawn.randrange(100_000), guests=guests,
            )
            for number in range(hosts)
        ),
        batch_size=500,
    )  # fmt: skip
    Host.objects.update(weight=weight())
    seen = now() + timedelta(hours=1)
    Service.objects.bulk_create(
        (
            Service(
                number=2 * number + place, topic=f"{domain}.h{number}", domain=domain,
                host=f"h{number}", last_seen_at=seen, is_up=True,
            )
            for number in range(hosts)
            for place, domain in enumerate(("network", "compute"))
        ),
        batch_size=500,
    )  # fmt: skip


def costs() -> list[float]:
    """Place servers one after another; return the milliseconds of CPU of each, in order of size."""
    from django.db import connection

    from cloudweb.context import RequestContext
    from compute.scheduler import PlacementRequest, claim

    server = None
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("ANALYZE")
            cursor.execute("SELECT pg_backend_pid()")
            server = Path(f"/proc/{cursor.fetchone()[0]}/schedstat")

    def spent() -> float:
        return time.process_time_ns() + (int(server.read_text().split()[0]) if server else 0)

    request = PlacementRequest(vcpus=1, ram=512, disk=5, zone="nova")
    found = []
    for _ in range(PLACED):
        before = spent()
        claim(
            RequestContext.system(), instance_id=str(uuid.uuid4()), project_id="p", request=request
        )
        found.append((spent() - before) / 1e6)
    return sorted(found[PLACED // 10 :])


def measure(hosts: int) -> None:
    """Measure on the database that the environment names."""
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connection

    call_command("migrate", verbosity=0)
    fill(hosts)
    found = costs()
    goal = GOALS[connection.vendor]
    rows = {"median": found[len(found) // 2], "99 of 100": found[int(len(found) * 0.99)]}
    for name, value in rows.items():
        counts = (name == "median") == (connection.vendor == "sqlite")
        what = f"CPU of a placement among {hosts:,}, {connection.vendor} ({name})"
        print(Figure(what, value, "ms", goal=goal if counts else None).line(), flush=True)


def main() -> int:
    """Measure and print as it comes."""
    parser = argparse.ArgumentParser(prog="benchmarks.scheduler", description=__doc__)
    parser.add_argument("--hosts", type=int, default=10_000)
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    wanted = parser.parse_args()
    if wanted.here:
        measure(wanted.hosts)
        return 0
    print(heading(), flush=True)
    with scratch("scheduler") as var, private_postgresql() as url:
        for database in ({}, {"DATABASE_URL": url}):
            words = ("-m", "benchmarks.scheduler", "--here", "--hosts", str(wanted.hosts))
            environment = {
                **os.environ, **database, "CLOUDWEB_VAR": str(var),
                "DJANGO_SETTINGS_MODULE": "cloudweb.settings.control",
            }  # fmt: skip
            done = process.run(sys.executable, *words, env=environment, cwd=ROOT, timeout=900)
            print(done.text, end="", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
