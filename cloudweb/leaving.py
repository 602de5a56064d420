"""A host leaves the cloud for good: ``manage.py service host --host h1 --leave``, once its agents are stopped.

It says so to the control plane, which lets it go only while nothing is on it; then all of this installation is taken
off the machine. What lies in its queue and is no answer stays there until it is let go.
"""

from __future__ import annotations

import shutil
import sys
import threading
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from celery import Celery
from kombu import Consumer

from cloudweb.driver import load_class
from cloudweb.exceptions import CloudwebError
from cloudweb.line import Line
from cloudweb.objects import IncompatibleObject
from cloudweb.remotes import DESTROY_HOST, AnswerMessage, HostService
from cloudweb.rpc import deliver, direct
from cloudweb.signing import BadSignature, OrderVerifier
from cloudweb.topics import HOST_DOMAINS
from cloudweb.voice import Voice

PATIENCE = 30.0  # seconds until an answer is given up; the control plane may be starting


def leave(host: str, directory: Path, topics: Sequence[str], app: Celery) -> int:
    """Leave, and say how that went; return the exit code."""
    credentials = directory / "credentials"
    if not (credentials / "host.key").exists():
        sys.stderr.write(f"Host {host} is in no cloud: {credentials} has no key.\n")
        return 1
    key = (credentials / "host.key").read_bytes().strip()
    line = Line(Voice(host, uuid.uuid4().hex, key, deliver), topics[0].partition(".")[0])
    verifier = OrderVerifier.from_file(credentials / "orders.pub", topics=topics)
    try:
        with _listening(app, topics[0], line, verifier):
            line.ask(DESTROY_HOST, HostService(host=host), timeout=PATIENCE)
    except CloudwebError as error:
        sys.stderr.write(f"{error.message}\n")
        return 1
    left = remove_host(host, directory)
    for problem in left:
        sys.stderr.write(f"{problem}\n")
    if not left:
        shutil.rmtree(credentials)
    sys.stdout.write(f"Host {host} has left the cloud.\n")
    return 1 if left else 0


def remove_host(host: str, directory: Path) -> Sequence[str]:
    """Take all that a host holds off the machine: guests, then volumes and networks; return what went wrong."""
    problems = []
    for domain, build in reversed(HOST_DOMAINS.items()):
        try:
            load_class(build)(host=host, directory=directory).leave_host()
        except CloudwebError as error:
            problems.append(f"{host}, {domain}: {error.message} {error.detail}".strip())
    return problems


@contextmanager
def _listening(app: Celery, topic: str, line: Line, verifier: OrderVerifier) -> Iterator[None]:
    """Read the host's queue for answers; all else goes back into it at the end."""
    over = threading.Event()
    others: list[Any] = []

    def take(message: Any) -> None:
        if (message.headers or {}).get("task") != f"{topic.partition('.')[0]}.answer":
            others.append(message)
            return
        message.ack()
        try:
            (answer,), _, _ = message.decode()
            line.answered(AnswerMessage.read(verifier.verify(answer)))
        except (BadSignature, IncompatibleObject, KeyError, TypeError, ValueError) as error:
            sys.stderr.write(f"An answer was refused: {error!r}\n")

    def read() -> None:
        with app.connection_for_read() as connection, connection.channel() as channel:
            queues = [direct(topic)]
            with Consumer(channel, queues=queues, on_message=take, accept=["json"]):
                while not over.is_set():
                    try:
                        connection.drain_events(timeout=0.2)
                    except TimeoutError:
                        continue
                for message in others:
                    message.requeue()

    reader = threading.Thread(target=read, name="leaving", daemon=True)
    reader.start()
    try:
        yield
    finally:
        over.set()
        reader.join(5)
