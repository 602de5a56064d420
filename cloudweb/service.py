"""The thin wrapper that runs managers or agents behind topics.

``manage.py service`` and ``celery -A cloudweb worker -Q`` both end here: ``prepare`` registers the
tasks that the worker's queues know (and nothing else), ``started`` starts what runs beside them,
broker or not: the sweep, networks and guests depend on none.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import django
import structlog
from celery import Celery

from cloudweb.conf import env, var_dir
from cloudweb.driver import load_class
from cloudweb.pulse import pulse
from cloudweb.rpc import ADVANCE
from cloudweb.topics import CONTROL, HOST_DOMAINS, is_host_topic

log = structlog.get_logger(__name__)
_running: list[Any] = []
_to_start: list[Callable[[], Any]] = []


def run(topics: list[str], *, concurrency: int) -> int:
    """Serve these queues until told to stop; return the exit code."""
    from cloudweb.celery import app

    pulse()
    worker = app.Worker(
        queues=topics,
        pool="threads",
        concurrency=concurrency,
        without_gossip=True,
        without_mingle=True,
        without_heartbeat=True,
        quiet=True,
        loglevel="WARNING",
        hostname=f"{'+'.join(topics)}@cloudweb",
    )
    worker.start()
    return int(worker.exitcode or 0)


def ring() -> None:
    """Ring for periodic tasks until told to stop (BEAT=apart)."""
    pulse()
    load_class("operations.worker.ring_only")()


def prepare(app: Celery) -> None:
    """Register what the queues of this worker may run."""
    django.setup()
    queues = list(app.amqp.queues.consume_from)
    hosts = [name for name in queues if is_host_topic(name)]
    control = tuple(name for name in queues if name in CONTROL)
    unknown = set(queues) - set(hosts) - set(control)
    if unknown or (hosts and control):
        sys.exit(
            f"Cannot serve {', '.join(queues)}: control topics or topics of one host, not both."
        )
    if control:
        _prepare_control(app, control)
    else:
        _prepare_host(app, hosts)


def _prepare_control(app: Celery, topics: tuple[str, ...]) -> None:
    load_class("operations.worker.prepare")(app, topics, ADVANCE, _to_start)


def _prepare_host(app: Celery, topics: list[str]) -> None:
    names = {topic.partition(".")[2] for topic in topics}
    if len(names) != 1:
        sys.exit(f"One process serves one host, not {len(names)}: {', '.join(sorted(topics))}.")
    runtime = build_host(names.pop(), [topic.partition(".")[0] for topic in topics])
    for name in runtime.method_names:
        app.task(name=name, ignore_result=True)(runtime.receive)
    for topic in topics:
        app.task(name=f"{topic.partition('.')[0]}.notice", ignore_result=True)(runtime.notice)

    def start() -> Any:
        runtime.start()
        return runtime

    _to_start.append(start)


def host_directory(host: str) -> Path:
    """Return where a host keeps all it knows."""
    return Path(env.str("CLOUDWEB_HOST_DIR", default=str(var_dir() / "hosts" / host)))


def build_host(host: str, domains: list[str]) -> Any:
    """Return the runtime of a host with the agents of these domains and the drivers settings name."""
    from cloudweb.host import HostRuntime

    directory = host_directory(host)
    if not (directory / "credentials" / "host.key").exists():
        sys.exit(
            f"Host {host} has no credentials in {directory / 'credentials'}: "
            f"run `manage.py add_host {host}` on the control plane first."
        )
    agents = {
        domain: load_class(build)(host=host, directory=directory)
        for domain, build in HOST_DOMAINS.items()
        if domain in domains
    }
    return HostRuntime(host, directory, agents)


def started() -> None:
    """Start the threads that belong to this worker."""
    while _to_start:
        try:
            _running.append(_to_start.pop(0)())
        except Exception as error:
            log.exception("service could not start")
            message = getattr(error, "message", str(error))
            sys.stderr.write(f"cloudweb: {message}\n")
            sys.stderr.flush()
            os._exit(1)
    pulse().ready()


def stopping() -> None:
    """Stop those threads."""
    for thing in _running:
        thing.stop()
    _running.clear()
