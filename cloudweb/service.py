"""The thin wrapper that runs managers or agents behind topics; a host's process loads no Django.

``manage.py service`` and ``celery -A cloudweb worker -Q`` both end here: ``prepare`` registers the
tasks that the worker's queues know (and nothing else), ``started`` starts what runs beside them,
broker or not: the sweep, networks and guests depend on none.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import structlog
from celery import Celery

from cloudweb import logs
from cloudweb.conf import env, log_level, var_dir
from cloudweb.driver import load_class
from cloudweb.pulse import pulse
from cloudweb.topics import CONTROL, HOST_DOMAINS, HOST_NAME, host_topic, is_host_topic

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
    import django

    django.setup()
    load_class("operations.worker.ring_only")()


def write_ovn() -> None:
    """Keep OVN's northbound database until told to stop (NETWORK_BACKEND=ovn)."""
    pulse()
    import django

    django.setup()
    load_class("network.ovn.process.run")()


def serve(names: str, *, host: str = "", concurrency: int = 4) -> int:
    """Serve what a command line names until told to stop; return the exit code.

    Raises ValueError with a sentence for what is no topic.
    """
    if names == "beat":
        ring()
        return 0
    if names == "ovn":
        write_ovn()
        return 0
    topics: list[str] = []
    for name in names.split(","):
        if name == "control":
            topics += CONTROL
        elif name in CONTROL:
            topics.append(name)
        elif name in (*HOST_DOMAINS, "host"):
            topics += _topics_of_host(name, host)
        else:
            raise ValueError(f"There is no topic {name!r}.")
    return run(topics, concurrency=concurrency)


def leave(name: str, *, host: str) -> int:
    """Let a host leave the cloud for good; return the exit code. Raises ValueError for what is no host."""
    if name != "host":
        raise ValueError("A host leaves as a whole: manage.py service host --host NAME --leave.")
    topics = _topics_of_host(name, host)
    from cloudweb.celery import app
    from cloudweb.leaving import leave as leave_cloud

    return leave_cloud(host, host_directory(host), topics, app)


def _topics_of_host(name: str, host: str) -> list[str]:
    if not host:
        raise ValueError(f"{name} needs --host: which host is this?")
    if not HOST_NAME.fullmatch(host):
        raise ValueError("A host's name is lower-case letters, digits, dots and hyphens.")
    os.environ.setdefault("CLOUDWEB_HOST", host)
    return [host_topic(d, host) for d in (HOST_DOMAINS if name == "host" else (name,))]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what ``manage.py service`` takes."""
    parser.add_argument(
        "topics", help="comma-separated topics, or control, or host, or beat, or ovn"
    )
    parser.add_argument(
        "--host", default="", help="the host, for compute, network, volume and host"
    )
    parser.add_argument("--concurrency", type=int, default=4)
    parser.add_argument(
        "--leave", action="store_true", help="serve nothing: the host leaves the cloud for good"
    )


def main(words: Sequence[str]) -> int:
    """Serve what the words after ``manage.py service`` say; return the exit code."""
    parser = argparse.ArgumentParser(prog="manage.py service")
    add_arguments(parser)
    given = parser.parse_args(words)
    try:
        if given.leave:
            return leave(given.topics, host=given.host)
        return serve(given.topics, host=given.host, concurrency=given.concurrency)
    except ValueError as error:
        sys.stderr.write(f"{error}\n")
        return 1


def prepare(app: Celery, concurrency: int) -> None:
    """Register what the queues of this worker may run."""
    queues = list(app.amqp.queues.consume_from)
    hosts = [name for name in queues if is_host_topic(name)]
    control = tuple(name for name in queues if name in CONTROL)
    unknown = set(queues) - set(hosts) - set(control)
    if unknown or (hosts and control):
        sys.exit(
            f"Cannot serve {', '.join(queues)}: control topics or topics of one host, not both."
        )
    if control:
        _prepare_control(app, control, concurrency)
    else:
        _prepare_host(app, hosts)


def _prepare_control(app: Celery, topics: tuple[str, ...], concurrency: int) -> None:
    import django

    django.setup()
    load_class("operations.worker.prepare")(app, topics, concurrency, _to_start)


def _prepare_host(app: Celery, topics: list[str]) -> None:
    logs.configure({"level": log_level()})
    names = {topic.partition(".")[2] for topic in topics}
    if len(names) != 1:
        sys.exit(f"One process serves one host, not {len(names)}: {', '.join(sorted(topics))}.")
    runtime = build_host(names.pop(), [topic.partition(".")[0] for topic in topics])
    for name in runtime.method_names:
        app.task(name=name, ignore_result=True)(runtime.receive)
    for topic in topics:
        domain = topic.partition(".")[0]
        app.task(name=f"{domain}.notice", ignore_result=True)(runtime.notice)
        app.task(name=f"{domain}.answer", ignore_result=True)(runtime.answer)

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
