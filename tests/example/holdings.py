"""What a project still has of shelves, for identity, which deletes empty projects alone."""

from __future__ import annotations

from collections.abc import Mapping

from cloudweb.events import on
from cloudweb.holdings import hangs_on
from identity.events import ProjectDeleted
from tests.example.models import Shelf
from tests.example.states import ERROR


@hangs_on("project")
def count_shelves(project_id: str) -> Mapping[str, int]:
    """Return how many shelves a project holds; one that could not be built is no hindrance."""
    return {"shelves": Shelf.objects.filter(project_id=project_id).exclude(status=ERROR).count()}


@on(ProjectDeleted)
def drop_wrecks(gone: ProjectDeleted) -> None:
    """Remove what a project that is gone could not build."""
    Shelf.objects.filter(project_id=gone.project_id).delete()
