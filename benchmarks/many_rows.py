"""``python -m benchmarks.many_rows``: lists and memory of the API among 1,000 and 100,000 servers and ports.

They are rows alone, put into the database of an idle cloud on fake drivers; on both databases. What a page costs is
CPU, the database server's too, so that a busy machine does not show; the least time is printed beside it.

On PostgreSQL (2 cores, EPYC, busy) 1,000 servers in detail cost 95 ms among 100,000 and 83 ms among 1,000 (1.14 times
as much), in brief 11 and 10 ms. By name, by state, by host, by project and on the last of the pages PostgreSQL reads no
more than the page (0.4 to 1.1 ms of its own for each); by any other key it reads all of them (15 to 50 ms).
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator

from benchmarks.client import Client
from benchmarks.databases import KINDS, database
from benchmarks.figures import Figure, heading
from benchmarks.processes import Meter, name_of, pss_mib
from cloudweb import process
from tests.infrastructure import ROOT, running_cloud, scratch

MANY, PAGE, TIMES = 100_000, 1000, 20
#: A page among many may cost so much more than one among a thousand.
AS_FAST = 1.2
FILL = """
from identity.models import User
from network.models import Network
from tests.builders.many import fill
user = User.objects.get(name="admin")
user.default_project_id = {project!r}
fill(user, Network.objects.get(id={network!r}), {many})
"""


def figures(many: int, kind: str) -> Iterator[Figure]:
    """Measure a fresh cloud before its lists are asked for, and after."""
    with scratch("bench") as var, database(kind) as rows:
        settings = {
            "CLOUDWEB_VAR": str(var),
            "DJANGO_SETTINGS_MODULE": "cloudweb.settings.control",
            **rows.settings,
        }
        counters = var / "statements"
        with running_cloud(var=var, CLOUDWEB_COUNT_SQL=str(counters), **rows.settings) as cloud:
            client = Client(cloud.url, cloud.clouds_yaml, "cloudweb-admin")
            meter = Meter(cloud.pid, counters, rows.pid)
            network = client.create_network("many", "10.0.0.0/8")
            code = FILL.format(project=client.project_id, network=network, many=many)
            command = (sys.executable, str(ROOT / "manage.py"), "shell", "-c", code)
            process.run(*command, env=settings, timeout=900)
            yield from _memory(meter, "before")
            yield from _lists(client, meter, many)
            yield from _memory(meter, "after them", api=130.0)


def _lists(client: Client, meter: Meter, many: int) -> Iterator[Figure]:
    servers = "/compute/v2.1/servers"
    everybody = {"all_tenants": 1, "limit": PAGE}
    middle = everybody
    if many > PAGE:  # as a client comes there: page by page
        for _ in range(min(many // PAGE // 2, 20)):
            page = client.get(servers, **middle)["servers"]
            middle = everybody | {"marker": page[-1]["id"]}
    calls = {
        f"{PAGE} servers in detail": (f"{servers}/detail", everybody, 130.0),
        f"{PAGE} servers in detail, pages later": (f"{servers}/detail", middle, None),
        f"{PAGE} servers in brief": (servers, everybody, None),
        f"{PAGE} servers by name": (servers, everybody | {"sort_key": "display_name"}, None),
        f"{PAGE} servers by state": (servers, everybody | {"sort_key": "vm_state"}, None),
        "servers at an address": (servers, {"all_tenants": 1, "ip": "10.1.1.7"}, None),
        "servers of a host": (servers, everybody | {"host": "h7"}, None),
        "ports of a host": ("/network/v2.0/ports", {"binding:host_id": "h7"}, None),
    }
    for what, (path, query, goal) in calls.items():
        client.get(path, **query)
        times = []
        with meter.measured() as cost:
            for _ in range(TIMES):
                started = time.perf_counter()
                client.get(path, **query)
                times.append(time.perf_counter() - started)
        yield Figure(f"CPU of {what}, among {many:,}", cost.cpu_ms / TIMES, "ms", goal=goal)
        yield Figure(f"Least time of {what}, among {many:,}", min(times) * 1000, "ms")


def _memory(meter: Meter, when: str, *, api: float | None = None) -> Iterator[Figure]:
    for pid in meter.pids:
        if name_of(pid) == "api":
            yield Figure(f"PSS of the API {when}", pss_mib(pid), "MiB", goal=api)


def compare(kind: str, many: int) -> None:
    """Measure among a thousand and among many, and judge the one by the other."""
    few: dict[str, float] = {}
    for rows in (PAGE, many):
        for figure in figures(rows, kind):
            print(figure.line(), flush=True)
            name, _, among = figure.what.partition(", among ")
            if among and rows == PAGE:
                few[name] = figure.value
            elif among and f" {PAGE} " in name:
                ratio = figure.value / few[name]
                print(Figure(f"    against {PAGE:,}", ratio, "x", goal=AS_FAST).line(), flush=True)


def main() -> int:
    """Measure and print as it comes."""
    parser = argparse.ArgumentParser(prog="benchmarks.many_rows", description=__doc__)
    parser.add_argument("--on", choices=KINDS, help="this database alone")
    parser.add_argument("--many", type=int, default=MANY)
    wanted = parser.parse_args()
    print(heading(), flush=True)
    for kind in [wanted.on] if wanted.on else KINDS:
        print(f"\n{kind}", flush=True)
        compare(kind, wanted.many)
    return 0


if __name__ == "__main__":
    sys.exit(main())
