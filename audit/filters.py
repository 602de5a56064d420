"""What the audit log can be asked for, as a value."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class RecordFilter:
    """Conditions that all must hold; None is "any".

    ``user`` is an id or a whole name; ``action`` a policy's name or, ending in ``:``, the start of
    some; ``until`` is left out itself. Without ``project_id`` the caller's own project is meant,
    unless ``all_projects``. ``tokens`` False leaves out tokens that were issued or ended as they
    should: an API client makes one for each command.
    """

    user: str | None = None
    project_id: str | None = None
    all_projects: bool = False
    action: str | None = None
    target_id: str | None = None
    request_id: str | None = None
    outcome: str | None = None
    origin: str | None = None
    log_ins: bool | None = None
    tokens: bool | None = None
    since: datetime | None = None
    until: datetime | None = None
