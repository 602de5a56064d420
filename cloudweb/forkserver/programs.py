"""What is imported before a fork, and what each child runs after it.

Nothing imported here may start a thread, open a connection or touch libvirt: none of that survives a fork.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module

from cloudweb.topics import AGENT_SETTINGS

#: Of hosts and control plane alike; no Django.
_BASE = (
    "billiard.pool",
    "celery.app.amqp",
    "celery.app.control",
    "celery.app.events",
    "celery.app.log",
    "celery.apps.worker",
    "celery.backends.base",
    "celery.concurrency.thread",
    "celery.events.receiver",
    "celery.loaders.app",
    "celery.worker.autoscale",
    "celery.worker.components",
    "celery.worker.consumer.delayed_delivery",
    "celery.worker.strategy",
    "cloudweb.celery",
    "cloudweb.disks.qcow2",
    "cloudweb.faults",
    "cloudweb.host",
    "cloudweb.service",
    "compute.rpc",
    "http.cookiejar",
    "httpx",
    "kombu.pidbox",
    "kombu.transport.redis",
    "network.rpc",
    "oslo_utils.imageutils.format_inspector",
)
_PLANE = (
    "cloudweb.celeryconf",
    "cloudweb.server.__main__",
    "cloudweb.server.serving",
    "cloudweb.wsgi",
    "compute.readiness",
    "django.contrib.messages.storage.fallback",
    "django.contrib.sessions.backends.db",
    "django.contrib.sessions.serializers",
    "django.db.models.sql.compiler",
    "identity.backends",
    "operations.worker",
    "uvicorn.lifespan.off",
    "uvicorn.loops.asyncio",
)


def load_base() -> None:
    """Import what every process of ours needs."""
    for name in _BASE:
        import_module(name)


def load_plane() -> None:
    """Set Django up and import the control plane, down to its URLs."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "cloudweb.settings.control"
    for name in _PLANE:
        import_module(name)
    from django.template import engines
    from django.urls import get_resolver
    from django.utils.module_loading import autodiscover_modules

    engines.all()
    _ = get_resolver().url_patterns
    autodiscover_modules("manager")


def api(_words: Sequence[str]) -> int:
    """Serve the API, dashboard and admin."""
    from cloudweb.server.__main__ import main

    return main()


def service(words: Sequence[str]) -> int:
    """Serve topics of the control plane, as ``manage.py service`` does."""
    from cloudweb.service import main

    return main(words)


def host(words: Sequence[str]) -> int:
    """Serve a host's topics, with settings that name no database."""
    os.environ["DJANGO_SETTINGS_MODULE"] = AGENT_SETTINGS
    return service(words)


@dataclass(frozen=True, slots=True)
class Program:
    """What a child runs, and whether Django and our apps are there when it is forked."""

    run: Callable[[Sequence[str]], int]
    plane: bool


PROGRAMS = {
    "api": Program(api, plane=True),
    "control": Program(service, plane=True),
    "beat": Program(service, plane=True),
    "ovn": Program(service, plane=True),
    "host": Program(host, plane=False),
}
