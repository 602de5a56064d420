"""What identity tells the apps above."""

from __future__ import annotations

from dataclasses import dataclass

from cloudweb.events import Event


@dataclass(frozen=True, slots=True)
class ProjectDeleted(Event):
    """An empty project is gone; what is kept by its id alone may go."""

    project_id: str
