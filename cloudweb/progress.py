"""Shows that Celery's main loop turns: a step of its consumer that beats from within the loop."""

from __future__ import annotations

from typing import Any

from celery import bootsteps

from cloudweb.pulse import pulse

PART, EVERY = "celery", 1.0


class Progress(bootsteps.StartStopStep):
    """Beats while there is a connection; one that waits for its broker does not hang."""

    requires = ("celery.worker.consumer.tasks:Tasks",)

    def start(self, parent: Any) -> None:
        """Begin to beat, from the loop's own timer."""
        if parent.hub is not None:
            pulse().part(PART)
            parent.timer.call_repeatedly(EVERY, pulse().beat, (PART,))

    def stop(self, parent: Any) -> None:
        """Await nothing: the connection is gone (the loop takes the timer's entry along), or the end has come."""
        pulse().excuse(PART)
