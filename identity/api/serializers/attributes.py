"""Attributes that clients invent: stored and returned, within bounds (contract 12.4.33)."""

from __future__ import annotations

from typing import Annotated, Any

import orjson
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from cloudweb.api.fields import Body
from cloudweb.exceptions import InvalidInput

MOST_BYTES = 16_384


class OpenBody(Body):
    """A body that also takes attributes nobody declared."""

    model_config = ConfigDict(extra="allow", frozen=True, populate_by_name=True)


class Options(Body):
    """``options`` of projects and roles."""

    immutable: bool | None = None


Method = Annotated[str, StringConstraints(min_length=1, max_length=64)]
Rule = Annotated[tuple[Method, ...], Field(min_length=1, max_length=16)]


class UserOptions(Body):
    """``options`` of users; a null takes one away."""

    lock_password: bool | None = None
    ignore_change_password_upon_first_use: bool | None = None
    ignore_password_expiry: bool | None = None
    ignore_lockout_failure_attempts: bool | None = None
    ignore_user_inactivity: bool | None = None
    multi_factor_auth_enabled: bool | None = None
    multi_factor_auth_rules: Annotated[tuple[Rule, ...], Field(max_length=32)] | None = None

    def kept(self) -> dict[str, Any]:
        """Return those the client named that are kept as they are; ``lock_password`` has a column."""
        named = self.model_dump(mode="json", include=self.model_fields_set)
        return {name: value for name, value in named.items() if name != "lock_password"}


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
