"""Credentials and EC2 keys on the wire."""

from __future__ import annotations

from typing import Annotated, Any

from django.http import HttpRequest
from pydantic import Field, StringConstraints

from cloudweb.api.fields import Body
from identity.api.serializers.attributes import OpenBody, invented
from identity.api.serializers.links import self_link
from identity.api.serializers.projects import Id
from identity.api.serializers.users import Passcode, Password
from identity.manager.access_keys import AccessKey
from identity.manager.secrets import Opened, Proof

Blob = Annotated[str, StringConstraints(min_length=1, max_length=65_536), Field(repr=False)]
Kind = Annotated[str, StringConstraints(min_length=1, max_length=255)]
READ_ONLY = frozenset({"id", "links", "created_at"})


class Proven(OpenBody):
    """What proves that it is the user himself, where his second factor changes."""

    original_password: Annotated[Password | None, Field(repr=False)] = None
    passcode: Annotated[Passcode | None, Field(repr=False)] = None

    def proof(self) -> Proof:
        """Return it as the manager takes it."""
        return Proof(self.original_password or "", self.passcode or "")


class CredentialCreate(Proven):
    """POST /credentials."""

    user_id: Id | None = None
    type: Kind
    blob: Blob
    project_id: Id | None = None


class CredentialDelete(Proven):
    """DELETE /credentials/{id}."""


class CredentialUpdate(Proven):
    """PATCH /credentials/{id}."""

    type: Kind = ""
    blob: Blob = ""
    project_id: Id | None = None


class AccessKeyCreate(Body):
    """POST /users/{id}/credentials/OS-EC2."""

    tenant_id: Id


def extra_of(body: CredentialCreate) -> dict[str, Any]:
    """Return the attributes the client invented."""
    return invented(body, reserved=READ_ONLY)


def credential_body(request: HttpRequest, one: Opened) -> dict[str, Any]:
    """Return one credential; ``blob`` is null for who does not get to see it."""
    row = one.row
    return {
        **row.extra,
        "id": row.pk,
        "user_id": row.user_id,
        "project_id": row.project_id,
        "type": row.type,
        "blob": one.blob,
        "links": self_link(request, f"credentials/{row.pk}"),
    }


def access_key_body(request: HttpRequest, key: AccessKey) -> dict[str, Any]:
    """Return one EC2 key; ``secret`` is null for who does not get to see it."""
    return {
        "access": key.access,
        "secret": key.secret,
        "user_id": key.user_id,
        "tenant_id": key.project_id,
        "trust_id": key.trust_id,
        "links": self_link(request, f"users/{key.user_id}/credentials/OS-EC2/{key.access}"),
    }
