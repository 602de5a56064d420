"""The volume agents of hosts: what they report that operators must see."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.db.models import QuerySet

from cloudweb.database.clock import now
from cloudweb.identifiers import as_uuid
from cloudweb.manager import Manager
from cloudweb.policy import policy
from volume.models import Agent, Attachment, Backup, Snapshot, Volume
from volume.objects import VolumeReport
from volume.states import BackupStatus

#: Ids in one statement; what is unknown of one host.
ROWS, SHOWN = 500, 100


class AgentManager(Manager):
    """Volume agents."""

    @policy("volume:agents:report")
    def report(self, told: Mapping[str, VolumeReport]) -> None:
        """Note by host what is the matter, and what lies there and nobody knows; written where it changed."""
        rows = {row.host: row for row in Agent.objects.filter(host__in=told)}
        for host, part in told.items():
            facts = {"problems": list(part.problems)}
            if part.pools is not None:  # they are told together
                facts["strays"] = list(part.strays)
            if part.held is not None:
                facts["unknown"] = _unknown(part)
            row = rows.get(host)
            if row is None:
                Agent.objects.update_or_create(host=host, defaults=facts)
            elif any(getattr(row, name) != value for name, value in facts.items()):
                Agent.objects.filter(id=row.id).update(changed_at=now(), **facts)

    @policy("volume:agents:delete")
    def delete(self, agent_id: uuid.UUID) -> None:
        """Forget an agent; a live one comes back with its next report."""
        Agent.objects.filter(id=agent_id).delete()


def _unknown(part: VolumeReport) -> list[str]:
    """Return what no row explains; a backup's point lies there as a snapshot does."""
    assert part.held is not None
    held, points = part.held, Backup.objects.filter(status=BackupStatus.CREATING)
    found = [f"volume {one}" for one in _without_row(held.volumes, Volume.objects.all())]
    found += [
        f"snapshot {one}" for one in _without_row(held.snapshots, Snapshot.objects.all(), points)
    ]
    found += [
        f"attachment {one}" for one in _without_row(held.attachments, Attachment.objects.all())
    ]
    return found[:SHOWN]


def _without_row(names: Sequence[str], *known_rows: QuerySet[Any]) -> Iterable[str]:
    left = {name: as_uuid(name) for name in sorted(names)}
    for rows in known_rows:
        keys = [key for key in left.values() if key is not None]
        for start in range(0, len(keys), ROWS):
            part = rows.filter(pk__in=keys[start : start + ROWS])
            known = {*part.values_list("pk", flat=True)}
            left = {name: key for name, key in left.items() if key not in known}
    return left
