"""Shapes of answers and bodies, for the schema; what a field shows of a row it may say itself (``shown``).

``extend_schema`` takes them as ``request=`` and in ``responses=``; schemathesis holds the services
to them (tests/contract).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import NoneType
from typing import Any, ClassVar, get_args

from pydantic import BaseModel, ConfigDict, Field, create_model

from cloudweb.api.versioned import describe
from cloudweb.microversions import Versions


class Answer(BaseModel):
    """A part of an answer that has exactly these attributes; nothing is ever validated by it.

    ``INVENTED`` names the row's mapping of attributes that its clients made up. ``NARROWED`` says, by
    names on the wire, which versions have less of this answer than of what it is derived from.
    """

    INVENTED: ClassVar[str] = ""
    NARROWED: ClassVar[Mapping[str, Versions]] = {}

    model_config = ConfigDict(
        extra="forbid", populate_by_name=True, defer_build=True, json_schema_extra=describe
    )


class OpenAnswer(Answer):
    """A part of an answer to which clients or drivers add attributes of their own."""

    model_config = ConfigDict(extra="allow")


class Error:
    """In ``responses=``: the error envelope of the service that the path belongs to."""


class Link(Answer):
    """A place to go."""

    rel: str
    href: str


class MediaType(Answer):
    """What a version speaks."""

    base: str
    type: str


@cache
def within(key: str, kind: Any, **beside: Any) -> type[BaseModel]:
    """Return the body or answer that holds ``kind`` under its envelope (and what stands beside)."""
    return _object(f"{_name(kind, key)}Envelope", {key: kind, **beside}, closed=_is_answer(kind))


@cache
def listing(key: str, kind: Any, **beside: Any) -> type[BaseModel]:
    """Return the answer that holds a list (and what stands beside it)."""
    return _object(f"{_name(kind, key)}List", {key: list[kind], **beside}, closed=True)


@cache
def page(key: str, kind: Any) -> type[BaseModel]:
    """Return the answer that holds a page of a list; the last page has no link to a next one."""
    name, links = f"{_name(kind, key)}Page", list[Link] | None
    return _object(name, {key: list[kind], f"{key}_links": links}, closed=True)


def _object(name: str, attributes: dict[str, Any], *, closed: bool) -> type[BaseModel]:
    fields: dict[str, Any] = {
        f"{key}_" if hasattr(BaseModel, key) else key: (
            kind,
            Field(None if NoneType in get_args(kind) else ..., alias=key),
        )
        for key, kind in attributes.items()
    }
    base = Answer if closed else OpenAnswer
    return create_model(name, __base__=base, __module__=__name__, **fields)


def _name(kind: Any, key: str) -> str:
    """Return a model's name; a name from the envelope for what is none."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return kind.__name__
    return "".join(part.capitalize() for part in key.split("_"))


def _is_answer(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Answer)
