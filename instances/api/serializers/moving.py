"""Bodies about servers that go to another host while they run."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, PrivateAttr, ValidationInfo, model_validator

from cloudweb.api.fields import Body, LooseBool, Name, loose_bool
from cloudweb.microversions import version_of
from cloudweb.microversions.compute import since, until
from instances.api.serializers.action_bodies import ActionBody

#: Where the hosts find out themselves what is to be copied, and where they are asked before the answer.
AUTO, CHECKED_FIRST = since(25), until(33)


def _read_block_migration(value: Any, info: ValidationInfo) -> Any:
    version = version_of(info)
    return (
        value if value == "auto" and version is not None and version in AUTO else loose_bool(value)
    )


class LiveMigrate(ActionBody):
    """The value of action ``os-migrateLive``; a ``host`` that is null lets the scheduler choose."""

    host: Name | None
    block_migration: Annotated[bool | Literal["auto"], BeforeValidator(_read_block_migration)]
    disk_over_commit: Annotated[LooseBool | None, until(24)] = None
    force: Annotated[LooseBool, since(30) & until(67)] = False
    _checks_first: bool = PrivateAttr(default=False)

    @model_validator(mode="after")
    def _read_version(self, info: ValidationInfo) -> Self:
        version = version_of(info)
        if version is not None:
            if version in until(24) and self.disk_over_commit is None:
                raise ValueError("'disk_over_commit' is a required property")
            self._checks_first = version in CHECKED_FIRST
        return self

    def arguments(self) -> dict[str, Any]:
        """Return where to and how; what a copy takes is what the disks hold, so none is over-committed."""
        return {
            "host": self.host,
            "block_migration": self.block_migration,
            "force": self.force,
            "checks_first": self._checks_first,
        }


class MigrationAction(Body):
    """The body of POST .../migrations/{id}/action: its one key, which holds null."""

    force_complete: None
