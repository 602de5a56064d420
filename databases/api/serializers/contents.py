"""What is inside a database, on the wire."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, StringConstraints

from cloudweb.api.answers import Answer
from cloudweb.api.fields import Body, LooseBool, Text
from cloudweb.api.shown import Of, Only
from databases.api.serializers.instances import DatabaseBody, NamedDatabase, UserBody, Word


class DatabasesCreate(Body):
    """POST /instances/{id}/databases."""

    databases: list[DatabaseBody] = Field(min_length=1, max_length=100)


class UsersCreate(Body):
    """POST /instances/{id}/users."""

    users: list[UserBody] = Field(min_length=1, max_length=100)


class Password(Body):
    """A user's new password."""

    name: Word
    password: Annotated[str, StringConstraints(max_length=255)]
    host: Word | None = None


class PasswordsUpdate(Body):
    """PUT /instances/{id}/users."""

    users: list[Password] = Field(min_length=1, max_length=100)


class UserUpdate(Body):
    """``user`` of PUT /instances/{id}/users/{name}."""

    name: Word | None = None
    host: Word | None = None
    password: Annotated[str, StringConstraints(max_length=255)] | None = None


class Grants(Body):
    """PUT /instances/{id}/users/{name}/databases."""

    databases: list[NamedDatabase] = Field(min_length=1, max_length=100)


class RootCreate(Body):
    """POST /instances/{id}/root; it may be empty."""

    password: Annotated[str, StringConstraints(max_length=255)] | None = None


class LogAsked(Body):
    """POST /instances/{id}/log: which log, and what shall become of it."""

    name: Text
    enable: LooseBool = False
    disable: LooseBool = False
    publish: LooseBool = False
    discard: LooseBool = False


class DatabaseShown(Answer):
    """A database."""

    name: str
    character_set: Annotated[str | None, Only(lambda row: bool(row.character_set))] = None
    collate: Annotated[str | None, Only(lambda row: bool(row.collate))] = None


class DatabaseNamed(Answer):
    """A database by its name."""

    name: str


def _named(row: Any) -> list[dict[str, str]]:
    return [{"name": one} for one in row.databases]


class UserShown(Answer):
    """A user and the databases it may use."""

    name: str
    host: str
    databases: Annotated[list[DatabaseNamed], Of(_named)]


class RootUser(Answer):
    """Root, as it comes in from now on."""

    name: str
    password: str


class RootEnabled(Answer):
    """Whether root was let in."""

    rootEnabled: bool  # noqa: N815 - the wire's word


class LogShown(Answer):
    """A log; its last lines are in ``tail``."""

    name: str
    type: str
    status: str
    published: int
    pending: int
    container: None
    prefix: None
    metafile: None
    tail: str
