"""Users on the wire; a password never leaves."""

from __future__ import annotations

from typing import Annotated, Any

from django.http import HttpRequest
from pydantic import Field, StringConstraints

from cloudweb.api.fields import Body, LooseBool, Name
from cloudweb.times import micros
from identity.api.serializers.attributes import OpenBody, UserOptions, invented
from identity.api.serializers.links import self_link
from identity.api.serializers.projects import Description, Id
from identity.authentication import LONGEST_PASSWORD
from identity.models import User
from identity.passcodes import LONGEST as LONGEST_PASSCODE

Password = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_PASSWORD)]
Passcode = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_PASSCODE)]
Email = Annotated[str, StringConstraints(max_length=255)]
READ_ONLY = frozenset({"id", "links", "created_at", "password_expires_at"})


class UserCreate(OpenBody):
    """POST /users."""

    name: Name
    domain_id: Id | None = None
    password: Password | None = None
    email: Email | None = None
    description: Description | None = None
    enabled: LooseBool = True
    default_project_id: Id | None = None
    options: UserOptions = UserOptions()


class UserUpdate(OpenBody):
    """PATCH /users/{id}."""

    name: Name = ""
    domain_id: Id = ""
    password: Password = ""
    email: Email | None = None
    description: Description | None = None
    enabled: LooseBool = True
    default_project_id: Id | None = None
    options: UserOptions = UserOptions()


class PasswordChange(Body):
    """POST /users/{id}/password."""

    original_password: Annotated[Password, Field(repr=False)]
    password: Annotated[Password, Field(repr=False)]
    passcode: Annotated[Passcode | None, Field(repr=False)] = None


def extra_of(body: UserCreate | UserUpdate) -> dict[str, Any]:
    """Return the attributes the client invented."""
    return invented(body, reserved=READ_ONLY)


def user_body(request: HttpRequest, user: User) -> dict[str, Any]:
    """Return one user."""
    return {
        **user.extra,
        "id": user.pk,
        "name": user.name,
        "domain_id": user.domain_id,
        "enabled": user.enabled,
        "description": user.description,
        "email": user.email or None,
        "default_project_id": user.default_project_id,
        "password_expires_at": micros(user.password_expires_at),
        "options": {**user.options, **({"lock_password": True} if user.lock_password else {})},
        "links": self_link(request, f"users/{user.pk}"),
    }
