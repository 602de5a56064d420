"""Attributes that clients invent: stored and returned, within bounds (contract 12.4.33)."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar
from urllib.parse import quote

import orjson
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from cloudweb.api.answers import Answer
from cloudweb.api.fields import Body
from cloudweb.api.shown import Of, Seen, When
from cloudweb.exceptions import InvalidInput

MOST_BYTES = 16_384


class Written(Body):
    """A body of identity, said as managers take it: a null text is an empty one.

    ``FIXED`` are attributes that a change may name only as they are; the manager compares them.
    """

    TEXTS: ClassVar[frozenset[str]] = frozenset({"description"})
    FIXED: ClassVar[frozenset[str]] = frozenset()

    def said(self) -> dict[str, Any]:
        """Return what the client said; options each by itself."""
        said = super().said()
        for name in self.TEXTS & said.keys():
            said[name] = said[name] or ""
        if "options" in said:
            said |= said.pop("options").said()
        if self.FIXED:
            said["fixed"] = {name: said.pop(name) for name in self.FIXED & said.keys()}
        return said


class OpenBody(Written):
    """A body that also takes attributes nobody declared, but for those that are ``READ_ONLY``."""

    READ_ONLY: ClassVar[frozenset[str]] = frozenset({"id", "links", "created_at"})
    model_config = ConfigDict(extra="allow", frozen=True, populate_by_name=True)

    def said(self) -> dict[str, Any]:
        """Return what the client said, what it invented as ``extra``."""
        extra = invented(self, reserved=self.READ_ONLY)
        return super().said() | ({"extra": extra} if extra else {})


class Options(Body):
    """``options`` of projects and roles."""

    immutable: bool | None = None

    def said(self) -> dict[str, Any]:
        """Return those the client named; a null takes one away."""
        return {name: bool(value) for name, value in super().said().items()}


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

    def said(self) -> dict[str, Any]:
        """Return those the client named; ``lock_password`` has a column of its own."""
        kept = self.model_dump(mode="json", include=self.model_fields_set)
        locked = (
            {"lock_password": bool(kept.pop("lock_password"))} if "lock_password" in kept else {}
        )
        return locked | ({"options": kept} if kept else {})


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


def own_links(place: str) -> Seen:
    """Return the links of a row: where it is, below this path."""
    return Seen(lambda row, scene: {"self": scene.url(f"{place}/{quote(row.pk)}")})


def _options(row: Any) -> dict[str, bool]:
    return {"immutable": True} if row.immutable else {}


Immutable = Annotated[dict[str, Any], Of(_options)]


class SelfLink(Answer):
    """Where a resource is."""

    self: str


#: On what the answer that made a row has alone: views add it there.
NEVER = When(lambda _scene: False)
