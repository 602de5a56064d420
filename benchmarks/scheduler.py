"""``python -m benchmarks.scheduler``: what a placement costs among 10,000 hosts with 100,000 servers.

On both databases. CPU, not time: of this process, and of PostgreSQL's beside it, so that a busy machine does not show.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import time
import uuid
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.figures import Figure, heading
from cloudweb import process
from tests.infrastructure import ROOT, private_postgresql, scratch

SERVERS = 10  # on each host
IMAGE = str(uuid.UUID(int=1))
GOALS = {"sqlite": 12.0, "postgresql": 20.0}  # ms: the median, and the 99th of a hundred
PLACED = 300
#: What is placed: most servers, and what asks for more than room.
KINDS: dict[str, dict[str, Any]] = {
    "a server": {},
    "one of an image that few have": {"image_id": IMAGE},
    "one with traits": {"traits": ("CUSTOM_GOLD", "HW_CPU_X86_AVX2")},
    "one of ten apart": {"policy": "anti-affinity"},
    "one of ten together": {"policy": "affinity"},
    "one of ten rather apart": {"policy": "soft-anti-affinity"},
    "one of ten rather together": {"policy": "soft-affinity"},
    "one with dedicated processors": {"dedicated": 2},
}

#: What a tenth of the hosts have, and say: two cells with eight processors for those that are pinned in each.
CELLS: dict[str, Any] = {
    "dedicated": 16,
    "cells": [
        {
            "id": cell, "cpus": 16, "ram": 65536, "shared": [*range(16 * cell, 16 * cell + 8)],
            "dedicated": [*range(16 * cell + 8, 16 * cell + 16)],
            "siblings": [[cpu, cpu + 1] for cpu in range(16 * cell, 16 * cell + 16, 2)],
            "pages": [],
        }
        for cell in (0, 1)
    ],
}  # fmt: skip


def fill(hosts: int) -> None:
    """Make hosts that are up and used unevenly, each with a few guests."""
    from datetime import timedelta

    from cloudweb.database.clock import now
    from compute.models import Claim, Host
    from compute.scheduler.weighers import weight
    from operations.models import Service

    guests = [{"id": str(uuid.uuid4()), "name": "instance", "power_state": "running"}] * 10
    drawn = random.Random(1)
    Host.objects.bulk_create(
        (
            Host(
                name=f"h{number}", driver="fake", capabilities={"console_log": True}, vcpus=32,
                ram=131072, disk=2000, vcpus_used=drawn.randrange(64),
                ram_used=drawn.randrange(100_000), guests=guests, traits={"HW_CPU_X86_AVX2": True},
                custom_traits={"CUSTOM_GOLD": True} if number % 10 == 0 else {},
                images={str(uuid.UUID(int=number % 50 + 1)): True},
                **(CELLS if number % 10 == 5 else {}),
            )
            for number in range(hosts)
        ),
        batch_size=500,
    )  # fmt: skip
    Host.objects.update(weight=weight())
    Claim.objects.bulk_create(
        (
            Claim(
                instance_id=uuid.UUID(int=number * SERVERS + place + 1), host_id=number,
                project_id="q", vcpus=1, ram=512, disk=5,
            )
            for number in Host.objects.values_list("pk", flat=True)
            for place in range(SERVERS)
        ),
        batch_size=1000,
    )  # fmt: skip
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


def costs(**more: Any) -> list[float]:
    """Place servers one after another; return the milliseconds of CPU of each, in order of size."""
    from django.db import connection

    from cloudweb.context import RequestContext
    from compute.guest_topology import WantedCell, WantedTopology
    from compute.scheduler import PlacementGroup, PlacementRequest, claim

    server = None
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("ANALYZE")
            cursor.execute("SELECT pg_backend_pid()")
            server = Path(f"/proc/{cursor.fetchone()[0]}/schedstat")

    def spent() -> float:
        return time.process_time_ns() + (int(server.read_text().split()[0]) if server else 0)

    policy = more.pop("policy", None)
    dedicated = more.pop("dedicated", 0)
    if dedicated:
        cell = WantedCell(tuple(range(dedicated)), 512)
        more |= {"numa": WantedTopology((cell,), dedicated=True)}
    vcpus = 0 if dedicated else 1
    request = PlacementRequest(vcpus=vcpus, ram=512, disk=5, zone="nova", **more)
    found = []
    for number in range(PLACED):
        if policy:
            group = PlacementGroup(uuid.UUID(int=number // 10 + 1), policy)
            request = replace(request, group=group)
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
    goal = GOALS[connection.vendor]
    for kind, more in KINDS.items():
        found = costs(**more)
        rows = {"median": found[len(found) // 2], "99 of 100": found[int(len(found) * 0.99)]}
        for name, value in rows.items():
            counts = (name == "median") == (connection.vendor == "sqlite")
            what = f"CPU of placing {kind} among {hosts:,}, {connection.vendor} ({name})"
            print(Figure(what, value, "ms", goal=goal if counts else None).line(), flush=True)


def main() -> int:
    """Measure and print as it comes."""
    parser = argparse.ArgumentParser(prog="benchmarks.scheduler", description=__doc__)
    parser.add_argument("--hosts", type=int, default=10_000)
    parser.add_argument("--on", choices=sorted(GOALS), help="this database alone")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    wanted = parser.parse_args()
    if wanted.here:
        measure(wanted.hosts)
        return 0
    print(heading(), flush=True)
    with scratch("scheduler") as var, private_postgresql() as url:
        kinds = {"sqlite": {}, "postgresql": {"DATABASE_URL": url}}
        for database in [kinds[wanted.on]] if wanted.on else kinds.values():
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
