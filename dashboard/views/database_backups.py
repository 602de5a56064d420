"""Backups of databases: of all, which outlive them, and of one; and the replicas of one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from django.db.models import Q
from django.urls import reverse

from cloudweb.context import RequestContext
from cloudweb.identifiers import as_uuid
from cloudweb.listing import Listing
from cloudweb.listing import Page as Rows
from dashboard.components import cells
from dashboard.components.databases import (
    OFFERED,
    backup_badge,
    database_badge,
    kind_of,
    may_forget,
    may_restore,
    proof_badge,
    why_not,
    why_not_eject,
)
from dashboard.components.lists import Action, Asked, Column, Empty, Field, Link, Offer
from dashboard.components.schedules import schedule_rows
from dashboard.components.status import Badge
from dashboard.forms.backups import ScheduleForm
from dashboard.forms.databases import BackUpDatabaseForm, FailoverForm, NewReplicaForm
from dashboard.templatetags.pages import size
from dashboard.views.box import Box
from dashboard.views.database import DatabasePage
from dashboard.views.detail_page import Press
from dashboard.views.list_page import ListPage
from databases.manager import (
    DatabaseBackupManager,
    DatabaseBackupProofManager,
    DatabaseBackupScheduleManager,
    DatabaseInstanceManager,
    PointInTimeManager,
)
from databases.requests import InstanceRequest

if TYPE_CHECKING:
    from databases.manager.point_in_time import PointInTime
    from databases.models import Backup, DatabaseInstance


def _delete(context: RequestContext, key: str) -> None:
    DatabaseBackupManager(context).delete(key)


def _prove(context: RequestContext, key: str) -> None:
    DatabaseBackupProofManager(context).prove(key)


PROVE = Action(
    name="prove",
    text="Restore on trial",
    icon="circle-check",
    policy="database:backups:prove",
    effect=_prove,
    done="{} is being restored on trial.",
    in_bulk=False,
)
DELETE = Action(
    name="delete",
    text="Delete",
    icon="trash",
    policy="database:backups:delete",
    effect=_delete,
    done="{} is being deleted.",
    warning="No database can begin with it any more.",
    warning_all="No database can begin with them any more.",
    harm=True,
)


@dataclass(frozen=True, slots=True)
class BackupRow:
    """A backup, and what its database is called; "" where that is gone."""

    backup: Backup
    of: str


def _of(row: BackupRow) -> str:
    if not row.of:
        return cells.quiet("gone")
    return cells.named(reverse("database", args=[row.backup.instance_id]), row.of)


def _proven(row: BackupRow) -> str:
    badge = proof_badge(row.backup)
    return cells.status(badge) if badge else cells.quiet("not yet")


class DatabaseBackups(ListPage):
    """The backups of the project's databases, newest first."""

    section, route = "databases", "database_backups"
    template = "dashboard/databases/database_backups.html"
    title, nouns = "Backups of databases", ("backup", "backups")
    about = "They outlive their databases; a new one can begin with each"
    columns = (
        Column("Name", lambda row: cells.strong(row.backup.name), sort="name"),
        Column(
            "Status",
            lambda row: cells.status(backup_badge(row.backup)),
            sort="status",
            css="col-status",
            unlabelled=True,
        ),
        Column("Proven", _proven, sort="restore_proven_at", falling=True),
        Column("Of", _of),
        Column("Datastore", lambda row: cells.quiet(kind_of(row.backup.version))),
        Column(
            "Size",
            lambda row: size(row.backup.size),
            sort="size",
            falling=True,
            css="num nowrap",
        ),
        Column(
            "Taken", lambda row: cells.ago(row.backup.created_at), sort="created_at", falling=True
        ),
    )
    order = "-created_at"
    search = (Field("q", "Find by name or ID", live=True),)
    actions = (PROVE, DELETE)
    empty = Empty(
        "folder",
        "No backups of databases yet",
        "Take one on the page of a database. It stays when the database goes.",
        "They are taken on the page of a database.",
        "No backup is like that",
    )
    pace = (2, 20)

    def find(self, asked: Asked) -> Rows[Any]:
        """Ask the manager."""
        where = Q()
        if asked.q is not None:
            found = as_uuid(asked.q)
            where = Q(id=found) if found else Q(name__icontains=asked.q)
        listing = Listing(
            where=where, order=asked.columns(last="id"), marker=asked.marker, limit=asked.limit
        )
        return DatabaseBackupManager(self.context).list(listing)

    def rows(self, found: Sequence[Any]) -> Sequence[BackupRow]:
        """Add the names of their databases."""
        keys = {str(one.instance_id) for one in found}
        names = DatabaseInstanceManager(self.context).names([*keys])
        return [BackupRow(one, names.get(str(one.instance_id), "")) for one in found]

    def key_of(self, row: BackupRow) -> str:
        """Return the id."""
        return str(row.backup.id)

    def name_of(self, row: BackupRow) -> str:
        """Return the name."""
        return row.backup.name

    def names_of(self, keys: Sequence[str]) -> Mapping[str, str]:
        """Ask for them all at once."""
        ids = [key for one in keys if (key := as_uuid(one))]
        found = DatabaseBackupManager(self.context).list(Listing(where=Q(id__in=ids)))
        return {str(one.id): one.name for one in found.rows}

    def is_busy(self, row: BackupRow) -> bool:
        """Tell whether it is being taken."""
        return backup_badge(row.backup).busy

    def offers_of(self, row: BackupRow) -> Sequence[Offer]:
        """Return what may be done, so far as its status says."""
        enabled = {"prove": may_restore(row.backup), "delete": may_forget(row.backup)}
        return [Offer(action, enabled[action.name]) for action in self.offered()]

    def links_of(self, row: BackupRow) -> Sequence[Link]:
        """Lead to a new database that begins with it."""
        if not may_restore(row.backup) or not self.may("database:instances:create"):
            return ()
        return (Link(f"Restore {row.backup.name}", restore_of(row.backup), "history"),)


def restore_of(backup: Backup) -> str:
    """Return where a database that begins with a backup is launched."""
    return f"{reverse('launch_database')}?backup={backup.id}"


@dataclass(frozen=True, slots=True)
class OwnBackup:
    """A backup of the database: what it is, and what may be done with it."""

    row: Backup
    badge: Badge
    restore: str
    may_forget: bool
    proof: Badge | None


class DatabaseOwnBackups(DatabasePage):
    """The backups of one database, newest first."""

    tab, template = "database_own_backups", "dashboard/databases/backups.html"
    boxes = "dashboard/databases/backups_boxes.html"

    def facts(self) -> dict[str, Any]:
        """Add the backups."""
        newest = Listing(order=("-created_at", "-id"), limit=OFFERED)
        found = DatabaseBackupManager(self.context).of_instance(self.key, newest).rows
        return {
            **super().facts(),
            "backups": [
                OwnBackup(
                    one,
                    backup_badge(one),
                    restore_of(one) if may_restore(one) else "",
                    may_forget(one),
                    proof_badge(one),
                )
                for one in found
            ],
            "point": self._point(),
            "may_keep_log": self.may("database:point_in_time:update"),
            "schedules": schedule_rows(
                DatabaseBackupScheduleManager(self.context).of_instance(self.key),
                "database_",
                self.key,
            ),
            "new_schedule": reverse("new_database_schedule", args=[self.key]),
            "may_schedule": self.may("database:backup_schedules:create"),
            "may_back_up": self.may("database:backups:create"),
            "may_forget": self.may("database:backups:delete"),
            "may_prove": self.may("database:backups:prove"),
            "may_launch": self.may("database:instances:create"),
        }

    def _point(self) -> PointInTime | None:
        """Return how far back one can go; None for a datastore that has its backups alone."""
        if self.database.version.manager != "postgresql" or self.database.replica_of_id:
            return None
        return PointInTimeManager(self.context).of_instance(self.key)

    def forms(self) -> dict[str, Any]:
        """Add a new backup, and a new schedule."""
        return {
            **super().forms(),
            "back_up_form": self.back_up_form(),
            "schedule_form": self.schedule_form(),
        }

    def schedule_form(self, data: Any = None) -> ScheduleForm:
        """Return the form of a new schedule."""
        return ScheduleForm(data, auto_id="schedule_%s")

    def back_up_form(self, data: Any = None) -> BackUpDatabaseForm:
        """Return the form of a new one."""
        return BackUpDatabaseForm(data, auto_id="back_up_%s")


class BackUpDatabase(Box, DatabaseOwnBackups):
    """Take a backup now."""

    box = "back_up"

    def effect(self, said: dict[str, Any]) -> str:
        """Start it."""
        made = DatabaseBackupManager(self.context).create(instance_id=self.key, **said)
        return f"{made.name} is being taken."


class KeepDatabaseLog(Press, DatabaseOwnBackups):
    """Keep its log, or keep it no longer."""

    def effect(self, **about: Any) -> str:
        """Start it."""
        enabled = bool(self.request.POST.get("enabled"))
        PointInTimeManager(self.context).keep(self.key, enabled=enabled)
        return "Its log is kept from now on." if enabled else "Its log is kept no longer."


class DeleteDatabaseBackup(Press, DatabaseOwnBackups):
    """Delete a backup, from the page of its database."""

    def effect(self, **about: Any) -> str:
        """Start it."""
        DatabaseBackupManager(self.context).delete(str(about["backup_id"]))
        return "The backup is being deleted."


class ProveDatabaseBackup(Press, DatabaseOwnBackups):
    """Restore a backup on trial."""

    def effect(self, **about: Any) -> str:
        """Start it."""
        DatabaseBackupProofManager(self.context).prove(str(about["backup_id"]))
        return "The backup is being restored on trial."


@dataclass(frozen=True, slots=True)
class Replica:
    """A replica: what it is, and why nothing can begin on it."""

    row: DatabaseInstance
    badge: Badge
    why_not: str


class DatabaseReplicas(DatabasePage):
    """The replicas of a database, or whom it follows."""

    tab, template = "database_replicas", "dashboard/databases/replicas.html"
    boxes = "dashboard/databases/replicas_boxes.html"

    @cached_property
    def failover(self) -> Any:
        """Whether one takes over by itself, and how it went last."""
        return DatabaseInstanceManager(self.context).failover(self.key)

    def facts(self) -> dict[str, Any]:
        """Add the replicas."""
        found = self.database.replicas.all()
        return {
            **super().facts(),
            "source": self.database.replica_of,
            "replicas": [Replica(one, database_badge(one), why_not(one)) for one in found],
            "why_not_eject": why_not_eject(self.database),
            "metrics": DatabaseInstanceManager(self.context).told(self.key).metrics,
            "may_promote": self.may("database:instances:promote"),
            "may_fail_over": self.may("database:instances:fail_over"),
            "failover": self.failover,
            "may_launch": self.may("database:instances:create"),
        }

    def forms(self) -> dict[str, Any]:
        """Add a new replica, and who takes over."""
        more = {"replica_form": self.replica_form(), "failover_form": self.failover_form()}
        return {**super().forms(), **more}

    def failover_form(self, data: Any = None) -> FailoverForm:
        """Return the form of who takes over by himself."""
        after = self.failover.after
        initial = {"automatic": after is not None, "after": after or 60}
        return FailoverForm(data, initial=initial, auto_id="failover_%s")

    def replica_form(self, data: Any = None) -> NewReplicaForm:
        """Return the form of a new one."""
        return NewReplicaForm(data, auto_id="replica_%s")


class NewReplica(Box, DatabaseReplicas):
    """Make a replica."""

    box = "replica"

    def effect(self, said: dict[str, Any]) -> str:
        """Start building it."""
        wanted = InstanceRequest(
            name=said["name"],
            replica_of=self.key,
            allowed_cidrs=tuple(self.database.allowed_cidrs),
            require_tls=self.database.require_tls,
        )
        made = DatabaseInstanceManager(self.context).create(wanted)
        return f"{made.name} is being built."


class SetFailover(Box, DatabaseReplicas):
    """Say whether a replica takes over by itself."""

    box = "failover"

    def effect(self, said: dict[str, Any]) -> str:
        """Write it down, once the guest knows."""
        after = said["after"] if said["automatic"] else None
        DatabaseInstanceManager(self.context).set_failover(self.key, after=after)
        if after is None:
            return f"No replica takes over from {self.database.name} by itself."
        return f"A replica takes over when {self.database.name} is ill for {after} s."
