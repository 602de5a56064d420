"""Going back to a moment, on the wire; this cloud's own."""

from __future__ import annotations

from typing import Annotated, Any

from cloudweb.api.answers import Answer
from cloudweb.api.fields import Body, LooseBool
from cloudweb.api.shown import Form, Of
from cloudweb.times import micros_z
from databases.manager.point_in_time import PointInTime


class PointInTimeUpdate(Body):
    """``point_in_time`` of PUT /instances/{id}/point_in_time."""

    enabled: LooseBool


class WindowShown(Answer):
    """A stretch of time without a gap."""

    earliest: str
    latest: str


def _windows(row: PointInTime) -> list[dict[str, Any]]:
    return [{"earliest": micros_z(one), "latest": micros_z(two)} for one, two in row.windows]


class PointInTimeShown(Answer):
    """How far back one can go; ``stored`` in bytes."""

    instance_id: Annotated[str, Form(str)]
    enabled: bool
    earliest: Annotated[str | None, Form(micros_z)]
    latest: Annotated[str | None, Form(micros_z)]
    windows: Annotated[list[WindowShown], Of(_windows)]
    stored: int
