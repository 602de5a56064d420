"""What is above and below a project on the wire."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cloudweb.api.shown import Render
from cloudweb.exceptions import BadRequest
from identity.manager import ProjectManager
from identity.models import Project


def relatives(
    render: Render, manager: ProjectManager, project: Project, asked: set[str]
) -> dict[str, Any]:
    """Return ``parents`` and ``subtree`` as lists of projects or as nested ids, as asked."""
    for noun in ("parents", "subtree"):
        if {f"{noun}_as_list", f"{noun}_as_ids"} <= asked:
            raise BadRequest(f"Use either {noun}_as_list or {noun}_as_ids, not both.")
    found: dict[str, Any] = {}
    if asked & {"parents_as_list", "parents_as_ids"}:
        rows = manager.parents(project)
        as_ids = "parents_as_ids" in asked
        found["parents"] = _chain(project, rows) if as_ids else _listed(render, rows)
    if asked & {"subtree_as_list", "subtree_as_ids"}:
        rows = manager.subtree(project)
        as_ids = "subtree_as_ids" in asked
        found["subtree"] = _tree(project.pk, rows) if as_ids else _listed(render, rows)
    return found


def _listed(render: Render, rows: Sequence[Project]) -> list[dict[str, Any]]:
    return [{"project": render(row)} for row in rows]


def _chain(project: Project, rows: Sequence[Project]) -> dict[str, Any]:
    """Return the nearest parent's id around the next one's; the domain is the outermost."""
    chain: dict[str, Any] = {project.domain_id: None}
    for row in reversed(rows):
        chain = {row.pk: chain}
    return chain


def _tree(project_id: str, rows: Sequence[Project]) -> dict[str, Any] | None:
    below = {row.pk: _tree(row.pk, rows) for row in rows if row.parent_id == project_id}
    return below or None
