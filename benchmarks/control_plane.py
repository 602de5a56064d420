"""The control plane on fake drivers: creates, deletes, a long list, memory."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median

from benchmarks.client import Client
from benchmarks.figures import Figure
from benchmarks.processes import Meter, name_of, pss_mib
from cloudweb import process
from tests.infrastructure import ROOT, Cloud, running_cloud, scratch

CLIENTS = 8
LISTED = 1000
A_NETWORK = 40  # servers in each network of the long list
LIFT_QUOTAS = """
from identity import quotas
for service in ("compute", "network"):
    quotas.update({project!r}, service, dict.fromkeys(quotas.defaults(service), -1))
"""


class ControlPlane:
    """One cloud under measurement."""

    def __init__(self, cloud: Cloud, meter: Meter) -> None:
        self.meter = meter
        self.client = Client(cloud.url, cloud.clouds_yaml)
        flavors = self.client.get("/compute/v2.1/flavors")["flavors"]
        self.flavor = next(flavor["id"] for flavor in flavors if flavor["name"] == "m1.nano")
        self.network = self.client.create_network("benchmark", "10.128.0.0/16")
        self.image = self.client.upload_image("benchmark", bytes(1024 * 1024))
        self.servers: list[str] = []

    def create(self, number: int, network: str | None = None) -> tuple[float, float]:
        """Create one server; return the seconds until accepted and until ACTIVE."""
        started = time.perf_counter()
        server = self.client.create_server(
            f"bench-{number}", flavor=self.flavor, image=self.image, network=network or self.network
        )
        accepted = time.perf_counter() - started
        self.client.wait_active(server)
        self.servers.append(server)
        return accepted, time.perf_counter() - started

    def alone(self, count: int) -> Iterator[Figure]:
        """Create servers one after another."""
        with self.meter.measured() as cost:
            times = [self.create(number) for number in range(count)]
        yield Figure("POST /servers until 202, alone (median)", _median(times, 0), "ms")
        yield Figure("POST /servers until ACTIVE, alone (median)", _median(times, 1), "ms")
        yield Figure(
            "CPU of all processes for each, alone", cost.cpu_ms / count, "ms", 1357, goal=68
        )
        yield Figure(
            "SQL statements for each boot, polls included",
            cost.statements / count,
            "",
            969,
            goal=90,
        )

    def side_by_side(self, count: int) -> Iterator[Figure]:
        """Create servers with eight clients at once."""
        started = time.perf_counter()
        with self.meter.measured() as cost, ThreadPoolExecutor(CLIENTS) as pool:
            times = list(pool.map(self.create, range(count)))
        took = time.perf_counter() - started
        yield Figure(
            f"POST /servers until 202, {CLIENTS} at once (median)",
            _median(times, 0),
            "ms",
        )
        yield Figure(
            f"POST /servers until ACTIVE, {CLIENTS} at once (median)",
            _median(times, 1),
            "ms",
        )
        yield Figure(f"Servers created a second by {CLIENTS} clients", count / took, "/s", 1.41)
        yield Figure(
            f"CPU of all processes for each, {CLIENTS} at once", cost.cpu_ms / count, "ms", 1357
        )

    def listing(self) -> Iterator[Figure]:
        """List all servers with details, a thousand in one page."""
        wanted = LISTED - len(self.servers)
        networks = [
            self.client.create_network(f"list-{number}", f"10.{number}.0.0/24")
            for number in range(wanted // A_NETWORK + 1)
        ]
        spread = [networks[number // A_NETWORK] for number in range(wanted)]
        with ThreadPoolExecutor(CLIENTS) as pool:
            list(pool.map(self.create, range(wanted), spread))
        self._fetch()
        with self.meter.measured() as cost:
            times = [self._fetch() for _ in range(5)]
        yield Figure(
            f"GET /servers/detail with {LISTED} servers (median)", median(times) * 1000, "ms"
        )
        yield Figure("CPU of all processes for it", cost.cpu_ms / 5, "ms", 2639, 130)
        yield Figure("SQL statements for it", cost.statements / 5, "")

    def _fetch(self) -> float:
        started = time.perf_counter()
        found = self.client.get("/compute/v2.1/servers/detail", limit=LISTED)["servers"]
        if len(found) != LISTED:
            raise RuntimeError(f"{len(found)} servers were listed, not {LISTED}")
        return time.perf_counter() - started

    def delete(self, count: int) -> Iterator[Figure]:
        """Delete servers with eight clients at once, each until it is gone."""

        def one(server: str) -> float:
            started = time.perf_counter()
            self.client.delete_server(server)
            self.client.wait_gone(server)
            return time.perf_counter() - started

        doomed, started = self.servers[:count], time.perf_counter()
        with self.meter.measured() as cost, ThreadPoolExecutor(CLIENTS) as pool:
            times = list(pool.map(one, doomed))
        took = time.perf_counter() - started
        del self.servers[:count]
        yield Figure(f"DELETE until gone, {CLIENTS} at once (median)", median(times) * 1000, "ms")
        yield Figure(f"Servers deleted a second by {CLIENTS} clients", count / took, "/s")
        yield Figure("CPU of all processes for each", cost.cpu_ms / count, "ms")


def memory(meter: Meter, when: str, *, goal: float | None = None) -> Iterator[Figure]:
    """Sum up the memory of all processes."""
    sizes = {pid: pss_mib(pid) for pid in meter.pids}
    ours = sum(size for pid, size in sizes.items() if name_of(pid) != "redis-server")
    what = f"Memory of our processes (PSS, Redis apart), {when}"
    yield Figure(what, ours, "MiB", 2.95 * 1024, goal)
    for pid, size in sizes.items():
        yield Figure(f"    {name_of(pid)}", size, "MiB")


def idle(meter: Meter) -> Iterator[Figure]:
    """Watch the cloud come to rest, until the fork server has made room, too; then watch it do nothing."""
    for what, seconds in (("coming to rest", 12), ("idle", 48)):
        with meter.measured() as cost:
            time.sleep(seconds)
        yield Figure(f"CPU of all processes while {what}", cost.cpu_ms / seconds, "ms/s")
        yield Figure(f"SQL statements while {what}", cost.statements / seconds, "/s")


def _median(times: list[tuple[float, float]], column: int) -> float:
    """Return milliseconds until accepted (column 0) or until ACTIVE (1)."""
    return median(row[column] for row in times) * 1000


def figures(*, alone: int, at_once: int, full: bool) -> Iterator[Figure]:
    """Run every measurement on a fresh cloud with fake drivers."""
    with scratch("bench") as var:
        counters = var / "statements"
        settings = {"CLOUDWEB_COUNT_SQL": str(counters), "COMPUTE_CPU_RATIO": "100"}
        with running_cloud(var=var, **settings) as cloud:
            meter = Meter(cloud.pid, counters)
            yield from idle(meter)
            yield from memory(meter, "idle", goal=180)
            plane = ControlPlane(cloud, meter)
            lift_quotas(plane.client.project_id, var)
            plane.create(0)  # connections, imports, caches
            yield from plane.alone(alone)
            yield from plane.side_by_side(at_once)
            if full:
                yield from plane.listing()
            yield from plane.delete(min(at_once, len(plane.servers)))
            yield from memory(meter, "afterwards")


def lift_quotas(project_id: str, var: Path, **settings: str) -> None:
    """Let a project have as much as it wants; ``settings`` are the cloud's."""
    code = LIFT_QUOTAS.format(project=project_id)
    environment = {
        "CLOUDWEB_VAR": str(var),
        "DJANGO_SETTINGS_MODULE": "cloudweb.settings.control",
        **settings,
    }
    process.run(sys.executable, str(ROOT / "manage.py"), "shell", "-c", code, env=environment)
