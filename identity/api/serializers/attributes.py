"""Attributes that clients invent: stored and returned, within bounds (contract 12.4.33)."""

from __future__ import annotations

from typing import Any

import orjson
from pydantic import BaseModel, ConfigDict

from cloudweb.api.fields import Body
from cloudweb.exceptions import InvalidInput

MOST_BYTES = 16_384


class OpenBody(Body):
    """A body that also takes attributes nobody declared."""

    model_config = ConfigDict(extra="allow", frozen=True, populate_by_name=True)


class Options(Body):
    """``options`` of projects and roles."""

    immutable: bool | None = None


class UserOptions(Body):
    """``options`` of users."""

    lock_password: bool | None = None


def invented(body: BaseModel, *, reserved: frozenset[str]) -> dict[str, Any]:
    """Return the undeclared attributes of a body; raise InvalidInput where they are absurd."""
    extra = dict(body.model_extra or {})
    for name in extra:
        if not name or len(name) > 64 or not name.isprintable():
            raise InvalidInput(field="body", value=name, reason="This is no name of an attribute.")
        if name in reserved:
            raise InvalidInput(field=name, value=None, reason="It is read-only.")
    if len(orjson.dumps(extra)) > MOST_BYTES:
        raise InvalidInput(
            field="body", value=None, reason=f"More than {MOST_BYTES} bytes of extra attributes."
        )
    return extra
