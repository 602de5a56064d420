"""Backups of the project's volumes: list, try, delete."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db.models import Q
from django.urls import reverse

from cloudweb.context import RequestContext
from cloudweb.identifiers import as_uuid
from cloudweb.listing import Listing
from cloudweb.listing import Page as Rows
from dashboard.components import cells
from dashboard.components.backups import (
    backup_badge,
    called,
    in_store,
    is_busy,
    kind_of,
    proof_badge,
)
from dashboard.components.lists import Action, Asked, Choice, Column, Empty, Field, Offer
from dashboard.views.list_page import ListPage
from volume.manager import BackupManager, VolumeManager
from volume.states import BACKUP_ENDS_FROM, BackupStatus

if TYPE_CHECKING:
    from volume.models import Backup

STATUSES = {"": "All", "available": "Ready", "error": "Error"}


def _delete(context: RequestContext, key: str) -> None:
    BackupManager(context).delete(key)


def _prove(context: RequestContext, key: str) -> None:
    BackupManager(context).prove(key)


PROVE = Action(
    name="prove",
    text="Restore on trial",
    icon="circle-check",
    policy="volume:backups:prove",
    effect=_prove,
    done="{} is being restored on trial.",
)
DELETE = Action(
    name="delete",
    text="Delete",
    icon="trash",
    policy="volume:backups:delete",
    effect=_delete,
    done="{} is being deleted.",
    warning="The volume could not be taken back to this moment any more. Other backups stay whole.",
    warning_all="Volumes could not be taken back to these moments any more.",
    harm=True,
)


@dataclass(frozen=True, slots=True)
class BackupRow:
    """A backup, and what its volume is called; None where that is gone."""

    backup: Backup
    volume: str | None


def _of(row: BackupRow) -> str:
    if row.volume is None:
        return cells.quiet("a volume that is gone")
    return cells.named(reverse("volume", args=[row.backup.volume_id]), row.volume)


def _proof(row: BackupRow) -> str:
    return cells.status(proof_badge(row.backup)) if row.backup.sha256 else cells.NOTHING


class Backups(ListPage):
    """The project's backups, newest first."""

    section = route = "backups"
    title, nouns = "Backups", ("backup", "backups")
    about = "What volumes held at some moment, kept apart from them"
    columns = (
        Column(
            "Name", lambda row: cells.named(url_of(row.backup), called(row.backup)), sort="name"
        ),
        Column(
            "Status",
            lambda row: cells.status(backup_badge(row.backup)),
            sort="status",
            css="col-status",
            unlabelled=True,
        ),
        Column("Of", _of),
        Column("Kind", lambda row: cells.quiet(kind_of(row.backup))),
        Column("Stored", lambda row: in_store(row.backup) or cells.NOTHING, css="num nowrap"),
        Column("Restorable", _proof),
        Column("Taken", lambda row: cells.ago(row.backup.data_at), sort="data_at", falling=True),
    )
    order = "-data_at"
    search = (Field("q", "Find by name, ID or ID of a volume", live=True),)
    choices = (Choice("status", "Which backups", STATUSES),)
    actions = (PROVE, DELETE)
    empty = Empty(
        "folder",
        "No backups yet",
        "Back a volume up from its page, now or by a schedule; it can be restored when the volume is lost.",
        "Your role in this project lets you look, not back up volumes.",
        "No backup is like that",
    )
    pace = (2, 20)

    def find(self, asked: Asked) -> Rows[Any]:
        """Ask the manager."""
        where = Q()
        if asked.q is not None:
            found = as_uuid(asked.q)
            where = Q(id=found) | Q(volume_id=found) if found else Q(name__icontains=asked.q)
        status = asked.chosen.get("status", "")
        if status:
            where &= Q(status__startswith=status)
        listing = Listing(
            where=where, order=asked.columns(last="id"), marker=asked.marker, limit=asked.limit
        )
        return BackupManager(self.context).list_backups(listing)

    def rows(self, found: Sequence[Any]) -> Sequence[BackupRow]:
        """Add what their volumes are called."""
        ids = {str(one.volume_id) for one in found}
        names = VolumeManager(self.context).names([*ids]) if ids else {}
        return [BackupRow(one, _called(names, str(one.volume_id))) for one in found]

    def key_of(self, row: BackupRow) -> str:
        """Return the id."""
        return str(row.backup.id)

    def name_of(self, row: BackupRow) -> str:
        """Return the name, or the id of one that has none."""
        return called(row.backup)

    def names_of(self, keys: Sequence[str]) -> Mapping[str, str]:
        """Ask for them all at once."""
        asked = Listing(where=Q(id__in=[key for one in keys if (key := as_uuid(one))]))
        return {
            str(one.id): called(one) for one in BackupManager(self.context).list_backups(asked).rows
        }

    def is_busy(self, row: BackupRow) -> bool:
        """Tell whether something is being done to it."""
        return is_busy(row.backup)

    def offers_of(self, row: BackupRow) -> Sequence[Offer]:
        """Return what may be done, so far as its status says."""
        enabled = {
            "prove": row.backup.status == BackupStatus.AVAILABLE,
            "delete": row.backup.status in BACKUP_ENDS_FROM,
        }
        return [Offer(action, enabled[action.name]) for action in self.offered()]


def url_of(backup: Backup) -> str:
    """Return where a backup's page is."""
    return reverse("backup", args=[backup.id])


def _called(names: Mapping[str, str], key: str) -> str | None:
    return names[key] or key if key in names else None
