"""Which volumes and types a caller sees, and what can be asked of volumes and pools in SQL."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Self

from django.apps import apps
from django.db.models import (
    Case,
    Exists,
    F,
    FloatField,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Sum,
    Value,
    When,
)
from django.db.models.functions import Cast, Coalesce, Concat, Least

import cloudweb.database.lists  # noqa: F401 - capabilities are asked for by it
from cloudweb.context import RequestContext
from cloudweb.database.clock import now
from operations import services
from volume import conf, states

if TYPE_CHECKING:
    from volume.models import (  # noqa: F401
        Attachment,
        Backup,
        BackupSchedule,
        Group,
        GroupSnapshot,
        GroupType,
        Message,
        Pool,
        Snapshot,
        Transfer,
        Volume,
        VolumeType,
    )

#: The domain of hosts' agents that this app looks after.
DOMAIN = "volume"


#: What changed so shortly ago may be on its way.
RESTED = timedelta(minutes=1)
_STILL = Q(migration_status=None) | Q(
    migration_status__in=[one for one in states.SETTLED if one is not None]
)


class VolumeQuerySet(QuerySet["Volume"]):
    """Volumes."""

    def visible_to(self, context: RequestContext) -> Self:
        """Keep what the caller's project owns; admins see everything."""
        return self if context.is_admin else self.filter(project_id=context.project_id or "")

    def complete(self) -> Self:
        """Read along whatever a representation shows."""
        return self.select_related("volume_type", "pool").prefetch_related("attachments")

    def moving(self) -> Self:
        """Keep those that are on their way to another pool."""
        return self.exclude(_STILL)

    def settled(self) -> Self:
        """Keep those that are on their way nowhere, and that nobody touched a moment ago."""
        rested = Q(updated_at=None) | Q(updated_at__lt=now() - RESTED)
        return self.filter(_STILL & rested)

    def wanted_open(self) -> Self:
        """Keep the encrypted ones that were exported to somebody."""
        exported = apps.get_model("volume", "Attachment").objects.filter(
            volume=OuterRef("id"), epoch__gt=0
        )
        return self.filter(Exists(exported), encrypted=True, pool__isnull=False)


class SnapshotQuerySet(QuerySet["Snapshot"]):
    """Snapshots."""

    def visible_to(self, context: RequestContext) -> Self:
        """Keep what the caller's project owns; admins see everything."""
        return self if context.is_admin else self.filter(project_id=context.project_id or "")


class BackupQuerySet(QuerySet["Backup"]):
    """Backups."""

    def visible_to(self, context: RequestContext) -> Self:
        """Keep what the caller's project owns; admins see everything."""
        return self if context.is_admin else self.filter(project_id=context.project_id or "")

    def complete(self) -> Self:
        """Read along whatever a representation shows."""
        return self.select_related("lineage")


class BackupScheduleQuerySet(QuerySet["BackupSchedule"]):
    """Schedules of backups."""

    def visible_to(self, context: RequestContext) -> Self:
        """Keep what the caller's project owns; admins see everything."""
        return self if context.is_admin else self.filter(project_id=context.project_id or "")


class AttachmentQuerySet(QuerySet["Attachment"]):
    """Attachments."""

    def visible_to(self, context: RequestContext) -> Self:
        """Keep what the caller's project owns; admins see everything."""
        return self if context.is_admin else self.filter(project_id=context.project_id or "")

    def attached(self) -> Self:
        """Keep those of which a guest has the volume: what a volume shows of them."""
        return self.filter(attached_at__isnull=False).order_by("created_at", "id")

    def hanging(self) -> Self:
        """Keep those that somebody should look at: on their way for longer than a while, or failed on it."""
        late = Q(changed_at__lt=now() - timedelta(minutes=states.PATIENCE))
        return self.filter(Q(status__in=states.FAILED) | Q(status__in=states.ON_ITS_WAY) & late)


def is_up(since: Value | None = None) -> Q:
    """Return the condition that the volume agent of a pool's host is up."""
    topic = Concat(Value(f"{DOMAIN}."), OuterRef("host"))
    return Q(Exists(services.agents_up(since).filter(topic=topic)))


def _room(pools: QuerySet[Pool]) -> Least:
    """GiB that may still be promised: of the capacity times the ratio, and of what is really free.

    What several hosts reach as one storage is one: all that was promised of it counts.
    """
    ratio = Coalesce(F("ratio"), Value(conf.OVERSUBSCRIPTION), output_field=FloatField())
    same = pools.order_by().filter(storage_id=OuterRef("storage_id")).values("storage_id")
    promised = Case(
        When(storage_id="", then=F("provisioned")),
        default=Subquery(same.annotate(promised=Sum("provisioned")).values("promised")),
    )
    return Least(F("total") * ratio - Cast(promised, FloatField()), F("free") * ratio)


class PoolQuerySet(QuerySet["Pool"]):
    """Pools."""

    def up(self) -> Self:
        """Keep pools whose host's volume agent is up."""
        return self.filter(is_up())

    def with_room(self) -> Self:
        """Let conditions name the GiB that may still be promised: ``room``."""
        return self.alias(room=_room(self.model.objects.all()))


class VolumeTypeQuerySet(QuerySet["VolumeType"]):
    """Volume types."""

    def visible_to(self, context: RequestContext) -> Self:
        """Keep what exists for this caller: public types and those granted to its project."""
        return self if context.is_admin else self.open_to(context.project_id)

    def open_to(self, project_id: str | None) -> Self:
        """Keep public types and those this project was granted."""
        condition = Q(is_public=True)
        if project_id is not None:
            granted = self.model.objects.filter(access__project_id=project_id)
            condition |= Q(pk__in=granted.values("pk"))
        return self.filter(condition)

    def complete(self) -> Self:
        """Read along what an answer shows of a type."""
        return self.select_related("encryption")


class MessageQuerySet(QuerySet["Message"]):
    """Messages to users."""

    def visible_to(self, context: RequestContext) -> Self:
        """Keep what concerns the caller's project; admins see everything."""
        return self if context.is_admin else self.filter(project_id=context.project_id or "")


class TransferQuerySet(QuerySet["Transfer"]):
    """Offers of volumes."""

    def visible_to(self, context: RequestContext) -> Self:
        """Keep what the caller's project offers; admins see everything."""
        return self if context.is_admin else self.filter(project_id=context.project_id or "")


class GroupTypeQuerySet(QuerySet["GroupType"]):
    """Group types."""

    def visible_to(self, context: RequestContext) -> Self:
        """Keep what exists for this caller: public types; admins see everything."""
        return self if context.is_admin else self.filter(is_public=True)


class GroupQuerySet(QuerySet["Group"]):
    """Groups of volumes."""

    def visible_to(self, context: RequestContext) -> Self:
        """Keep what the caller's project has; admins see everything."""
        return self if context.is_admin else self.filter(project_id=context.project_id or "")

    def complete(self) -> Self:
        """Read along whatever a representation shows."""
        return self.prefetch_related("volume_types", "volumes")


class GroupSnapshotQuerySet(QuerySet["GroupSnapshot"]):
    """Snapshots of groups."""

    def visible_to(self, context: RequestContext) -> Self:
        """Keep what the caller's project has; admins see everything."""
        return self if context.is_admin else self.filter(project_id=context.project_id or "")

    def complete(self) -> Self:
        """Read along whatever a representation shows."""
        return self.select_related("group").prefetch_related("snapshots")
