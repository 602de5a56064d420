"""The Celery application: one for control plane and hosts, configured by what the process serves.

``celery -A cloudweb worker -Q conductor,scheduler,taskmanager`` and ``manage.py service control`` run
the same code; ``cloudweb/service.py`` starts what belongs to the queues when the worker does.
"""

from __future__ import annotations

import os
import sys
from typing import Any

from celery import Celery, signals
from celery.app.amqp import AMQP
from kombu import Exchange

from cloudweb.driver import load_class
from cloudweb.progress import Progress
from cloudweb.topics import settings_module_for

os.environ.setdefault("DJANGO_SETTINGS_MODULE", settings_module_for(sys.argv))


class AnonymousExchanges(AMQP):
    """Queues named on the command line get the anonymous exchange, as all of ours have."""

    def Queues(self, *args: Any, **kwargs: Any) -> Any:  # noqa: N802 - Celery's name
        """Return the queues with our way of making missing ones."""
        kwargs["autoexchange"] = lambda _name: Exchange("")
        return super().Queues(*args, **kwargs)


class CloudwebCelery(Celery):
    """Celery without what this design forbids: results, remote control, events, built-in tasks."""

    amqp_cls = "cloudweb.celery:AnonymousExchanges"


app = CloudwebCelery("cloudweb", set_as_current=True, fixups=[])
app.config_from_object("cloudweb.celeryconf")
app.steps["consumer"].add(Progress)


@app.on_after_finalize.connect
def _only_ours(sender: Celery, **_: Any) -> None:
    """Unregister Celery's built-in tasks: nothing runs here but what we registered."""
    for name in [name for name in sender.tasks if name.startswith("celery.")]:
        sender.tasks.unregister(name)


@signals.setup_logging.connect
def _logs_are_ours(**_: Any) -> None:
    """Keep Celery from configuring logging: Django's settings did."""


@signals.celeryd_after_setup.connect
def _prepare(instance: Any, **_: Any) -> None:
    load_class("cloudweb.service.prepare")(instance.app, instance.concurrency)
    load_class("cloudweb.service.started")()


@signals.worker_shutting_down.connect
def _stopping(**_: Any) -> None:
    load_class("cloudweb.service.stopping")()
