"""Records of the audit log as people read them: what was done, to what, and what became of it."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.urls import NoReverseMatch, reverse

from dashboard.components.status import Badge
from dashboard.components.words import in_words
from instances.actions import ACTIONS
from operations.history import Fate, fates_of

if TYPE_CHECKING:
    from audit.models import Record

#: Actions whose policy's name would puzzle a tenant.
TEXTS = {
    "identity:tokens:issue": "Log in by API",
    "identity:ec2_tokens:issue": "Log in by EC2 key",
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
    "identity:grants:create": "Give a role",
    "identity:grants:revoke": "Take a role away",
    "compute:keypairs:create": "Create key pair",
    "compute:keypairs:delete": "Delete key pair",
    "compute:servers:update": "Change server",
    "network:traffic:allow": "Let traffic in",
    "database:instances:create": "Create database",
    "database:instances:update": "Change database",
    "database:instances:delete": "Delete database",
    "database:instances:restart": "Restart database",
    "database:instances:resize": "Resize database",
    "database:instances:promote": "Let a replica take over",
    "database:databases:create": "Create database in a database server",
    "database:databases:delete": "Delete database in a database server",
    "database:users:create": "Create database user",
    "database:users:update": "Change database user",
    "database:users:delete": "Delete database user",
    "database:root:enable": "Let root in to a database",
    "database:root:disable": "Keep root out of a database",
    "database:backups:create": "Back up database",
    "database:backups:delete": "Delete backup of a database",
    "database:configurations:create": "Create settings of databases",
    "database:configurations:update": "Change settings of databases",
    "database:configurations:delete": "Delete settings of databases",
    "database:guests:revoke": "Revoke a database's guest",
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
_ACCEPTED = Badge("Accepted", "neutral", "clock", "What became of it is not kept any more.")
#: What is accepted and done by an operation afterwards.
_LASTING = frozenset(
    {action.policy for action in ACTIONS.values() if action.operates}
    | {"compute:servers:create", "image:images:import"}
)
#: Kinds of targets that have a page of their own.
PAGES = {"server": "server", "image": "image"}
#: Kinds whose targets have only an id, which says nothing.
_NAMELESS = frozenset({"token", "ec2_token", "session"})


@dataclass(frozen=True, slots=True)
class Done:
    """One record: what was done in words, to what and that one's page, and how it ended.

    ``fate`` is what became of it since, where it was only accepted.
    """

    record: Record
    text: str
    name: str
    badge: Badge
    reason: str
    url: str
    fate: Fate | None

    @property
    def shows_id(self) -> bool:
        """Tell whether the target is shown by its id, for want of a name."""
        kind = self.record.target_kind
        return bool(self.record.target_id) and not self.name and kind not in _NAMELESS


Names = Mapping[tuple[str, str], str]


def done_of(records: Sequence[Record], *, names: Names | None = None) -> Sequence[Done]:
    """Return the rows of a page of records; ``names`` are the targets' by kind and id.

    Only what succeeded is followed further: a request that was refused started nothing.
    """
    known = names or {}
    followed = [record.request_id for record in records if record.outcome == "success"]
    fates = fates_of(followed)
    gone = {record.target_id for record in records if _is_end(record)}
    found = []
    for record in records:
        fate = None
        if record.outcome == "success":
            fate = fates.get((record.request_id, record.target_id))
        badge, reason = _ending(record, fate)
        name = record.target_name or known.get((record.target_kind, record.target_id), "")
        url = "" if record.target_id in gone else _url(record)
        text = action_text(record.action)
        found.append(Done(record, text, name, badge, reason, url, fate))
    return found


def _ending(record: Record, fate: Fate | None) -> tuple[Badge, str]:
    if fate is None:
        lasting = record.outcome == "success" and record.action in _LASTING
        badge = _ACCEPTED if lasting else _OUTCOMES[record.outcome]
        often = f" ({record.count} times)" if record.count > 1 else ""
        return badge, in_words(record.reason) + often
    if fate.state == "DONE":
        return _OUTCOMES["success"], record.reason
    if fate.state == "UNDONE":
        return Badge("Failed", "danger", "arrow-back-up"), in_words(fate.error)
    if fate.state == "FAILED":
        return Badge("Needs an operator", "danger", "alert-triangle"), in_words(fate.error)
    if fate.direction == "undo":
        return Badge("Taking back", "warning", "loader-2", busy=True), in_words(fate.error)
    return Badge("Under way", "info", "loader-2", busy=True), record.reason


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
