"""The children of one machine, in the order in which they start."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from cloudweb.conf import ROOT, beat_is_apart, host_name, listen_url, var_dir, watchdog
from cloudweb.supervisor.child import Child
from cloudweb.supervisor.watch import Watch

#: Ended in this order, each stage with so many seconds: first who takes work, last the broker.
STAGES = ((("api",), 3.5), (("host", "control", "beat"), 4.5), (("redis",), 1.0))


def children() -> list[Child]:
    """Return redis, control worker, beat where it is apart, host worker and API of this machine, not started yet."""
    var, manage = var_dir(), (sys.executable, str(ROOT / "manage.py"))
    env = {"PYTHONUNBUFFERED": "1", "MALLOC_ARENA_MAX": "2"}

    def child(name: str, *command: str, vital: bool = True, **more: str) -> Child:
        watch = None
        if watchdog() and name != "redis":
            watch = Watch(var / "run" / f"{name}.notify", limit=watchdog())
        log = var / "log" / f"{name}.log"
        return Child(name, *command, log=log, env={**env, **more}, vital=vital, watch=watch)

    beat = [child("beat", *manage, "service", "beat", vital=False)] if beat_is_apart() else []
    return [
        child("redis", *redis_command(var)),
        child("control", *manage, "service", "control"),
        *beat,
        child(
            "host",
            *manage,
            "service",
            "host",
            "--host",
            host_name(),
            METADATA_URL=os.environ.get("METADATA_URL") or listen_url(),
            vital=False,  # the cloud answers, and manages other hosts, without this one
            HOST_KEY=str(var / "hosts" / host_name() / "credentials" / "host.key"),
        ),
        child("api", sys.executable, "-m", "cloudweb.server"),
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
