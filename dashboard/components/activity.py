"""Records of the audit log as a tenant reads them."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.urls import NoReverseMatch, reverse

from dashboard.components.status import Badge

if TYPE_CHECKING:
    from audit.models import Record

#: Actions whose policy's name would puzzle a tenant.
TEXTS = {
    "identity:tokens:issue": "Log in by API",
    "identity:tokens:revoke": "Log out by API",
    "identity:sessions:create": "Log in",
    "identity:sessions:delete": "Log out",
    "identity:user_passwords:change": "Change password",
    "identity:second_factors:create": "Add a second factor",
    "identity:second_factors:delete": "Remove a second factor",
    "identity:second_factors:reset": "Reset a second factor",
    "identity:recovery_codes:create": "Draw recovery codes",
    "identity:members:add": "Add member",
    "identity:members:update": "Change member's role",
    "identity:members:remove": "Remove member",
}
#: What is chosen beside the search: its text, and what it narrows the list to.
KINDS: dict[str, tuple[str, dict[str, object]]] = {
    "": ("Changes", {"log_ins": False}),
    "refused": ("Refused", {"outcome": "refused"}),
    "log-ins": ("Log-ins", {"log_ins": True}),
    "all": ("All", {}),
}
_OUTCOMES = {
    "success": Badge("Done", "success", "check"),
    "refused": Badge("Refused", "warning", "lock"),
    "failed": Badge("Failed", "danger", "alert-triangle"),
}
#: Kinds of targets that have a page of their own.
PAGES = {"server": "server", "image": "image"}


@dataclass(frozen=True, slots=True)
class Done:
    """One record: what was done in words, how it ended, what it was done to and that one's page."""

    record: Record
    text: str
    name: str
    badge: Badge
    url: str


def done_of(records: Sequence[Record]) -> Sequence[Done]:
    """Return the rows of a page of records.

    Who deletes a thing gives its id alone: a name that another of the rows knows is shown there, too.
    """
    names = {record.target_id: record.target_name for record in records if record.target_name}
    gone = {record.target_id for record in records if _is_end(record)}
    return [
        Done(
            record,
            action_text(record.action),
            record.target_name or names.get(record.target_id, ""),
            _OUTCOMES[record.outcome],
            "" if record.target_id in gone else _url(record),
        )
        for record in records
    ]


def _is_end(record: Record) -> bool:
    return record.action.endswith("s:delete") and record.outcome == "success"


def action_text(action: str) -> str:
    """Return a policy's name as words: ``compute:servers:create`` is "Create server"."""
    if action in TEXTS:
        return TEXTS[action]
    _, noun, verb = action.split(":", 2)
    words = f"{verb} {noun.removesuffix('s')}".replace("_", " ").replace(":", " ")
    return words[:1].upper() + words[1:]


def _url(record: Record) -> str:
    try:
        return reverse(PAGES[record.target_kind], args=[uuid.UUID(record.target_id)])
    except (KeyError, ValueError, NoReverseMatch):
        return ""
