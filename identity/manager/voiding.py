"""Which tokens end when a role is taken away."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from identity import revocations
from identity.models import Assignment
from identity.reach import names_within
from identity.scopes import Place


def void_grants(rows: Iterable[Assignment]) -> None:
    """Void the tokens that rest on these assignments, which are gone or about to go.

    Part of the caller's transaction and its last act. A group's role ends by its name where it
    counted: whoever holds it there logs in again, which is cheaper than a line for each member.
    """
    wanted: dict[str, dict[str, Any]] = {}
    for row in rows:
        for parts in _parts(row):
            wanted[revocations.key_of(**parts)] = parts
    for key in sorted(wanted):
        revocations.revoke(**wanted[key])


def _parts(row: Assignment) -> list[dict[str, Any]]:
    place = Place(project=row.project, domain=row.domain, system=row.system)
    scope = {} if row.inherited else place.revocation()
    if row.user_id is not None:
        return [{"user_id": row.user_id, **scope}]
    return [{"role": name, **scope} for name in sorted(names_within({row.role_id}))]
