"""Users on the wire; a password never leaves."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, StringConstraints

from cloudweb.api.answers import OpenAnswer
from cloudweb.api.fields import Body, LooseBool, Name
from cloudweb.api.resource import Resource
from cloudweb.api.shown import Form, Of
from cloudweb.times import micros
from identity.api.filters import at_moments, exactly, flagged, named
from identity.api.serializers.attributes import OpenBody, SelfLink, UserOptions, own_links
from identity.api.serializers.projects import Description, Id
from identity.authentication import LONGEST_PASSWORD
from identity.passcodes import LONGEST as LONGEST_PASSCODE

Password = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_PASSWORD)]
Passcode = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_PASSCODE)]
Email = Annotated[str, StringConstraints(max_length=255)]


class _UserWritten(OpenBody):
    """What a user may be given."""

    TEXTS = OpenBody.TEXTS | {"email"}
    READ_ONLY = OpenBody.READ_ONLY | {"password_expires_at"}

    email: Email | None = None
    description: Description | None = None
    enabled: LooseBool = True
    default_project_id: Id | None = None
    options: UserOptions = UserOptions()


class UserCreate(_UserWritten):
    """POST /users."""

    name: Name
    domain_id: Id | None = None
    password: Password | None = None

    def said(self) -> dict[str, Any]:
        """Return what the client said; there is no option to take away yet."""
        said = super().said()
        options = {name: one for name, one in said.get("options", {}).items() if one is not None}
        return {**said, "options": options}


class UserUpdate(_UserWritten):
    """PATCH /users/{id}."""

    FIXED = frozenset({"domain_id"})

    name: Name = ""
    domain_id: Id = ""
    password: Password = ""


class PasswordChange(Body):
    """POST /users/{id}/password."""

    original_password: Annotated[Password, Field(repr=False)]
    password: Annotated[Password, Field(repr=False)]
    passcode: Annotated[Passcode | None, Field(repr=False)] = None


def _options(row: Any) -> dict[str, Any]:
    return {**row.options, **({"lock_password": True} if row.lock_password else {})}


class UserShown(OpenAnswer):
    """Who logs in, with the attributes his clients invented."""

    INVENTED = "extra"

    id: str
    name: str
    domain_id: str
    enabled: bool
    description: str
    email: Annotated[str | None, Form(lambda value: value or None)]
    default_project_id: str | None
    password_expires_at: Annotated[str | None, Form(micros)]
    options: Annotated[dict[str, Any], Of(_options)]
    links: Annotated[SelfLink, own_links("users")]


USER = Resource(
    singular="user",
    plural="users",
    answer=UserShown,
    create=UserCreate,
    update=UserUpdate,
    filters={
        **named(),
        "domain_id": exactly("domain_id"),
        "enabled": flagged("enabled"),
        "password_expires_at": at_moments("password_expires_at"),
    },
    refers=True,
)
