"""Serial consoles are recorded where a project's manager says so: kept encrypted, bounded in bytes and in days."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import timedelta
from typing import NamedTuple

from django.db import transaction
from django.db.models import F, Sum

from cloudweb import policy as policies
from cloudweb.database.clock import now
from cloudweb.database.locks import locked
from cloudweb.encryption import decrypt, encrypt
from cloudweb.exceptions import BadRequest
from cloudweb.identifiers import as_uuid
from cloudweb.listing import MAX_LIMIT, Page, paginate
from cloudweb.manager import Manager
from cloudweb.periodic import periodic
from cloudweb.policy import policy
from identity.manager import ProjectManager
from identity.querysets import active_user
from instances.cast import header
from instances.conf import RECORDING_BYTES, RECORDING_DAYS, RECORDINGS_BYTES
from instances.console_exceptions import ConsoleRecordingEnded, ConsoleRecordingNotFound
from instances.models import (
    ConsoleRecording,
    ConsoleRecordingPart,
    ConsoleToken,
    Instance,
    RecordedProject,
)

BATCH = 100


class Replay(NamedTuple):
    """A recording, and all of its cast."""

    recording: ConsoleRecording
    cast: str


class ConsoleRecordingManager(Manager):
    """What was shown on the serial consoles of the caller's project."""

    @policy("compute:console_recordings:list")
    def switched(self) -> RecordedProject | None:
        """Return since when, and by whom, the project's consoles are recorded; None: they are not."""
        return RecordedProject.objects.filter(project_id=self.context.project_id or "").first()

    @policy("compute:console_recordings:switch")
    def switch(self, project_id: str, *, on: bool) -> None:
        """Record the serial consoles of a project from now on, or no more; what was recorded stays.

        Raises PolicyNotAuthorized for another project's manager, ProjectNotFound.
        """
        if project_id != self.context.project_id:
            policies.check(self.context, "compute:console_recordings:switch_any_project")
        rows = RecordedProject.objects
        if not on:
            rows.filter(project_id=project_id).delete()
            return
        ProjectManager(self.context).get(project_id)
        rows.get_or_create(project_id=project_id, defaults={"user_id": self.context.user_id or ""})

    @policy("compute:console_recordings:list")
    def find(
        self,
        *,
        words: str | None = None,
        order: Sequence[str] = ("-created_at", "-id"),
        limit: int = MAX_LIMIT,
        marker: str | None = None,
    ) -> Page[ConsoleRecording]:
        """Return a page of the project's; ``words`` is a part of the server's or the viewer's name.

        Raises BadRequest for an unknown marker.
        """
        rows = ConsoleRecording.objects.filter(project_id=self.context.project_id or "")
        if words:
            rows = rows.named(words)
        key = as_uuid(marker) if marker else None
        after = rows.filter(id=key).first() if key else None
        if marker and after is None:
            raise BadRequest(f"marker [{marker[:64]}] not found")
        return paginate(rows, limit=limit, marker=after, order=order)

    @policy("compute:console_recordings:get")
    def get(self, recording_id: str | uuid.UUID) -> ConsoleRecording:
        """Return what is known of a recording; raise ConsoleRecordingNotFound."""
        key = as_uuid(str(recording_id))
        rows = ConsoleRecording.objects.visible_to(self.context)
        found = rows.filter(id=key).first() if key else None
        if found is None:
            raise ConsoleRecordingNotFound(recording_id)
        return found

    @policy("compute:console_recordings:replay")
    def replay(self, recording_id: str | uuid.UUID) -> Replay:
        """Return a recording with all that was shown; that somebody looked is in the audit log."""
        found = self.get(recording_id)
        parts = found.parts.order_by("number").values_list("content", flat=True)
        return Replay(found, "".join(map(decrypt, parts)))

    @periodic(every=timedelta(hours=1))
    @policy("compute:console_recordings:forget")
    def forget_recordings(self) -> None:
        """Forget recordings of consoles that are older than they are to be kept."""
        old = now() - timedelta(days=RECORDING_DAYS)
        while True:
            rows = ConsoleRecording.objects.filter(created_at__lt=old).order_by("created_at")
            keys = [*rows.values_list("pk", flat=True)[:BATCH]]
            if not keys:
                return
            ConsoleRecording.objects.filter(pk__in=keys).delete()


def is_recorded(project_id: str) -> bool:
    """Tell whether a project's serial consoles are recorded."""
    return RecordedProject.objects.filter(project_id=project_id).exists()


def begin(instance: Instance, token: ConsoleToken, *, remote_address: str) -> uuid.UUID:
    """Make room and a recording of who comes in now; return its id."""
    user = active_user(token.user_id)
    with transaction.atomic():
        _make_room(instance.project_id)
        made = ConsoleRecording.objects.create(
            project_id=instance.project_id,
            instance_id=instance.id,
            instance_name=instance.name,
            user_id=token.user_id,
            user_name=user.name if user else "",
            remote_address=remote_address,
        )
        title = f"{instance.name}, {made.created_at:%Y-%m-%d %H:%M} UTC"
        _keep(made.id, 0, header(title=title, began=made.created_at.timestamp()))
    return made.id


def write(recording_id: uuid.UUID, number: int, lines: str) -> None:
    """Keep further lines of a cast, which may have been shown already.

    Raises ConsoleRecordingEnded where it was forgotten, and where it is full with these.
    """
    _keep(recording_id, number, lines)
    if ConsoleRecording.objects.filter(id=recording_id, size__gte=RECORDING_BYTES).exists():
        raise ConsoleRecordingEnded


def _keep(recording_id: uuid.UUID, number: int, lines: str) -> None:
    kept = encrypt(lines)
    with transaction.atomic():
        rows = ConsoleRecording.objects.filter(id=recording_id)
        if not rows.update(size=F("size") + len(lines), seen_until=now()):
            raise ConsoleRecordingEnded
        ConsoleRecordingPart.objects.create(recording_id=recording_id, number=number, content=kept)


def _make_room(project_id: str) -> None:
    """Forget the project's oldest recordings until a further one fits."""
    rows = ConsoleRecording.objects.filter(project_id=project_id)
    over = (rows.aggregate(sum=Sum("size"))["sum"] or 0) + RECORDING_BYTES - RECORDINGS_BYTES
    if over <= 0:
        return
    # Locked, for lines may still come to one: a part that is written meanwhile would be nobody's.
    for row in locked(rows.order_by("created_at", "id"))[:BATCH]:
        if over <= 0:
            return
        over -= row.size
        row.delete()
