"""The children of one machine, in the order in which they start."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from cloudweb.conf import beat_is_apart, host_name, listen_url, network_backend, var_dir, watchdog
from cloudweb.supervisor.child import Child
from cloudweb.supervisor.forks import ForkedChild, ForkServer
from cloudweb.supervisor.watch import Watch

#: Ended in this order, each stage with so many seconds: first who takes work, last the broker.
STAGES = (
    (("api",), 3.5),
    (("host", "control", "beat", "ovn"), 4.5),
    (("forkserver",), 1.0),
    (("redis",), 1.0),
)

#: What glibc keeps for later: two arenas for all threads, and nothing of what is large (a long list's answer).
LITTLE = {
    "MALLOC_ARENA_MAX": "2",
    "MALLOC_MMAP_THRESHOLD_": "262144",
    "MALLOC_TRIM_THRESHOLD_": "131072",
}


def children() -> list[Child]:
    """Return all processes of this machine, not started yet.

    The host worker is forked first, before the server has anything of the control plane. It is not vital:
    the cloud answers, and manages other hosts, without it.
    """
    var = var_dir()
    env = {"PYTHONUNBUFFERED": "1", **LITTLE}

    def common(name: str, *, vital: bool = True, **more: str) -> dict[str, Any]:
        log = var / "log" / f"{name}.log"
        return {"log": log, "env": {**env, **more}, "vital": vital}

    server = ForkServer("forkserver", **common("forkserver"))

    def forked(name: str, *words: str, **more: Any) -> Child:
        watch = None
        if watchdog():
            watch = Watch(var / "run" / f"{name}.notify", limit=watchdog())
        return ForkedChild(name, *words, server=server, watch=watch, **common(name, **more))

    ovn = [forked("ovn", "ovn", vital=False)] if network_backend() == "ovn" else []
    beat = [forked("beat", "beat", vital=False)] if beat_is_apart() else []
    return [
        Child("redis", *redis_command(var), **common("redis")),
        server,
        forked(
            "host",
            "host",
            "--host",
            host_name(),
            vital=False,
            METADATA_URL=os.environ.get("METADATA_URL") or listen_url(),
            HOST_KEY=str(var / "hosts" / host_name() / "credentials" / "host.key"),
        ),
        forked("control", "control"),
        *beat,
        *ovn,
        forked("api"),
    ]


def redis_command(var: Path) -> tuple[str, ...]:
    """Return the command of the private broker: a Unix socket, no port, nothing on disk.

    Nothing is lost with it: the broker is a doorbell, the database is the truth.
    """
    options = {
        "port": "0",
        "unixsocket": str(var / "run" / "redis.sock"),
        "unixsocketperm": "700",
        "dir": str(var / "run"),
        "save": "",
        "appendonly": "no",
        "databases": "1",
        "maxmemory": "64mb",
        "maxmemory-policy": "noeviction",
        "loglevel": "warning",
    }
    return (
        "redis-server",
        *(word for key, value in options.items() for word in (f"--{key}", value)),
    )
