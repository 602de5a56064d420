"""Where backups are stored, on the wire."""

from __future__ import annotations

from typing import Annotated

from cloudweb.api.answers import Answer
from cloudweb.api.fields import Body, Text
from cloudweb.api.shown import Of
from databases.api.serializers.instances import Ref


class BackupStrategyCreate(Body):
    """``backup_strategy`` of POST /backup_strategies."""

    instance_id: Ref | None = None
    swift_container: Text


class BackupStrategyShown(Answer):
    """A strategy; that of a whole project is of no instance."""

    project_id: str
    instance_id: Annotated[str | None, Of(lambda row: row.instance_id or None)]
    backend: Annotated[str, Of(lambda _row: "cloud")]
    swift_container: Annotated[str, Of("container")]
