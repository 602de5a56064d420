"""Limits and quota sets on the wire (contract 11.3 and 5.3)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import (
    BeforeValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from cloudweb.api.answers import Answer, OpenAnswer
from cloudweb.api.fields import MAX_INT, Body, loose_int
from cloudweb.exceptions import InvalidInput
from volume.manager.limits import Usage

Limit = Annotated[int, Field(ge=-1, le=MAX_INT), BeforeValidator(loose_int)]
_LIMIT: TypeAdapter[int] = TypeAdapter(Limit)


class QuotaChanges(Body):
    """The ``quota_set`` of PUT: any of the resources, also of one type; -1 for no limit.

    ``force`` and ``tenant_id`` are accepted and change nothing; null is as good as left out.
    """

    model_config = ConfigDict(extra="allow")

    @model_validator(mode="before")
    @classmethod
    def _read(cls, data: Any) -> Any:
        """Check each limit."""
        ignored = ("force", "tenant_id", "project_id", "id", "class_name")
        return {
            name: _limit(name, value)
            for name, value in data.items()
            if value is not None and name not in ignored
        }

    def said(self) -> dict[str, Any]:
        """Return the limits by the names of the resources."""
        return dict(self.model_extra or {})


class QuotaClassChanges(QuotaChanges):
    """The ``quota_class_set`` of PUT."""


def _limit(name: object, value: Any) -> int:
    try:
        return _LIMIT.validate_python(value)
    except ValidationError as error:
        reason = f"It must be a whole number from -1 to {MAX_INT}."
        raise InvalidInput(field=str(name)[:300], value=value, reason=reason) from error


class QuotaSet(OpenAnswer):
    """The limits of a project, -1 for none; those of types, such as ``volumes_fast``, stand beside."""

    volumes: int
    snapshots: int
    gigabytes: int
    backups: int
    backup_gigabytes: int
    groups: int
    per_volume_gigabytes: int


class QuotaSetShown(OpenAnswer):
    """The limits of a project, and on demand what is used of them, with the project's id."""

    id: str


class QuotaClassSetShown(QuotaSetShown):
    """The limits of all projects that have none of their own."""


class AbsoluteLimits(Answer):
    """What a project may have and has."""

    max_volumes: int = Field(alias="maxTotalVolumes")
    max_gigabytes: int = Field(alias="maxTotalVolumeGigabytes")
    max_snapshots: int = Field(alias="maxTotalSnapshots")
    max_backups: int = Field(alias="maxTotalBackups")
    max_backup_gigabytes: int = Field(alias="maxTotalBackupGigabytes")
    volumes: int = Field(alias="totalVolumesUsed")
    gigabytes: int = Field(alias="totalGigabytesUsed")
    snapshots: int = Field(alias="totalSnapshotsUsed")
    backups: int = Field(alias="totalBackupsUsed")
    backup_gigabytes: int = Field(alias="totalBackupGigabytesUsed")


class LimitsShown(Answer):
    """Limits; rates are not limited by project."""

    rate: list[Any]
    absolute: AbsoluteLimits


def limits_body(usage: Usage) -> dict[str, Any]:
    """Return what GET /limits shows."""
    limits, used = usage
    absolute = {
        "maxTotalVolumes": limits["volumes"],
        "maxTotalVolumeGigabytes": limits["gigabytes"],
        "maxTotalSnapshots": limits["snapshots"],
        "maxTotalBackups": limits["backups"],
        "maxTotalBackupGigabytes": limits["backup_gigabytes"],
        "totalVolumesUsed": used.get("volumes", 0),
        "totalGigabytesUsed": used.get("gigabytes", 0),
        "totalSnapshotsUsed": used.get("snapshots", 0),
        "totalBackupsUsed": used.get("backups", 0),
        "totalBackupGigabytesUsed": used.get("backup_gigabytes", 0),
    }
    return {"rate": [], "absolute": absolute}


def usage_body(usage: Usage) -> Mapping[str, Mapping[str, int]]:
    """Return limits beside what is used; nothing is reserved before it is used."""
    return {
        name: {"limit": limit, "in_use": usage.used.get(name, 0), "reserved": 0}
        for name, limit in usage.limits.items()
    }
