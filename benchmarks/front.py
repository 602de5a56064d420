"""``python -m benchmarks.front``: what the HTTP front costs beside what Django does in it.

CPU of one request over a kept connection, with the front's own share (a page without work) apart; memory
of the idle process; how long ``/healthz`` takes alone and beside sixty clients of each slow kind.
"""

from __future__ import annotations

import socket
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import httpx

from benchmarks.client import Client
from benchmarks.figures import Figure, heading
from benchmarks.processes import cpu_ms, name_of, pss_mib, tree
from tests.infrastructure import running_cloud

REQUESTS = 1000
#: What each kind of slow client says, and then no more.
SLOW = {
    "silent": b"",
    "headers": b"GET /healthz HTTP/1.1\r\nX: ",
    "bodies": b"POST /identity/v3/auth/tokens HTTP/1.1\r\nHost: localhost\r\n"
    b"Content-Type: application/json\r\nContent-Length: 100000\r\n\r\n{",
}


def figures() -> Iterator[Figure]:
    """Measure the API process of a fresh cloud."""
    with running_cloud() as cloud:
        token = Client(cloud.url, cloud.clouds_yaml).token
        api = next(pid for pid in tree(cloud.pid) if name_of(pid) == "api")
        with httpx.Client(base_url=cloud.url, headers={"X-Auth-Token": token}) as http:

            def asked(method: str, path: str) -> Callable[[], object]:
                return lambda: http.request(method, path)

            for what, work in {
                "no work (a file that is not there)": asked("GET", "/static/none"),
                "a version document": asked("GET", "/identity/v3"),
                "a list of flavors": asked("GET", "/compute/v2.1/flavors"),
                "a body that is refused": asked("POST", "/compute/v2.1/os-keypairs"),
            }.items():
                yield Figure(f"CPU of {what}", _cpu(api, work), "ms")
            yield Figure("PSS of the idle API", pss_mib(api), "MiB")
            yield Figure("/healthz alone", _latency(http), "ms")
            at = urlsplit(cloud.url)
            for kind, words in SLOW.items():
                slow = [socket.create_connection((at.hostname, at.port)) for _ in range(60)]
                for one in slow:
                    one.sendall(words)
                yield Figure(f"/healthz beside sixty slow {kind}", _latency(http), "ms")
                for one in slow:
                    one.close()


def _cpu(pid: int, work: Callable[[], object]) -> float:
    work()
    before = cpu_ms([pid])
    for _ in range(REQUESTS):
        work()
    return (cpu_ms([pid]) - before) / REQUESTS


def _latency(http: httpx.Client) -> float:
    times = []
    for _ in range(20):
        start = time.perf_counter()
        http.get("/healthz").raise_for_status()
        times.append((time.perf_counter() - start) * 1000)
    return statistics.median(times)


def main() -> int:
    """Measure and print as it comes."""
    print(heading(), flush=True)
    for figure in figures():
        print(figure.line(), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
