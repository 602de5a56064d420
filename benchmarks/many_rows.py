"""``python -m benchmarks.many_rows``: lists and memory of the API among 1,000 and 100,000 servers and ports.

They are rows alone, put into the database of an idle cloud on fake drivers.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from statistics import median

from benchmarks.client import Client
from benchmarks.figures import Figure, heading
from benchmarks.processes import Meter, name_of, pss_mib
from cloudweb import process
from tests.infrastructure import ROOT, running_cloud, scratch

MANY, PAGE, TIMES = 100_000, 1000, 5
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


def figures(many: int = MANY) -> Iterator[Figure]:
    """Measure a fresh cloud before its lists are asked for, and after."""
    with scratch("bench") as var:
        counters = var / "statements"
        with running_cloud(var=var, CLOUDWEB_COUNT_SQL=str(counters)) as cloud:
            client, meter = (
                Client(cloud.url, cloud.clouds_yaml, "cloudweb-admin"),
                Meter(cloud.pid, counters),
            )
            network = client.create_network("many", "10.0.0.0/8")
            code = FILL.format(project=client.project_id, network=network, many=many)
            settings = {
                "CLOUDWEB_VAR": str(var),
                "DJANGO_SETTINGS_MODULE": "cloudweb.settings.control",
            }
            command = (sys.executable, str(ROOT / "manage.py"), "shell", "-c", code)
            process.run(*command, env=settings, timeout=600)
            yield from _memory(meter, "before")
            servers = "/compute/v2.1/servers"
            everybody = {"all_tenants": 1, "limit": PAGE}
            calls = {
                f"{PAGE} servers in detail": (f"{servers}/detail", everybody, 130.0),
                f"{PAGE} servers in brief": (servers, everybody, None),
                "servers at an address": (servers, {"all_tenants": 1, "ip": "10.1.1.7"}, None),
                "servers of a host": (servers, everybody | {"host": "h7"}, None),
                "ports of a host": ("/network/v2.0/ports", {"binding:host_id": "h7"}, None),
            }
            for what, (path, query, goal) in calls.items():
                costs = []
                for _ in range(TIMES):
                    with meter.measured() as cost:
                        client.get(path, **query)
                    costs.append(cost.cpu_ms)
                yield Figure(f"CPU of {what}, among {many:,}", median(costs), "ms", goal=goal)
            yield from _memory(meter, "after them", api=130.0)


def _memory(meter: Meter, when: str, *, api: float | None = None) -> Iterator[Figure]:
    for pid in meter.pids:
        if name_of(pid) == "api":
            yield Figure(f"PSS of the API {when}", pss_mib(pid), "MiB", goal=api)


def main() -> int:
    """Measure and print as it comes."""
    print(heading(), flush=True)
    few: dict[str, float] = {}
    for many in (PAGE, MANY):
        for figure in figures(many):
            name, _, among = figure.what.partition(", among ")
            shown = figure
            if name in few and name.startswith(f"CPU of {PAGE} "):
                goal = few[name] * AS_FAST
                shown = replace(figure, goal=min(goal, figure.goal or goal))
            elif among:
                few[name] = figure.value
            print(shown.line(), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
