"""Credentials and EC2 keys on the wire."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import ConfigDict, Field, StringConstraints

from cloudweb.api.answers import Answer, OpenAnswer
from cloudweb.api.fields import Body
from cloudweb.api.resource import Resource
from cloudweb.api.shown import Of, Scene, Seen
from identity.api.filters import anything, exactly
from identity.api.serializers.attributes import OpenBody, SelfLink
from identity.api.serializers.projects import Id
from identity.api.serializers.users import Passcode, Password
from identity.manager.access_keys import AccessKey
from identity.manager.secrets import Opened, Proof

Blob = Annotated[str, StringConstraints(min_length=1, max_length=65_536), Field(repr=False)]
Kind = Annotated[str, StringConstraints(min_length=1, max_length=255)]


class Proven(OpenBody):
    """What proves that it is the user himself, where his second factor changes."""

    original_password: Annotated[Password | None, Field(repr=False)] = None
    passcode: Annotated[Passcode | None, Field(repr=False)] = None

    def said(self) -> dict[str, Any]:
        """Return the proof as the manager takes it, and the rest."""
        said = super().said()
        given = (said.pop("original_password", None), said.pop("passcode", None))
        return {**said, "proof": Proof(*(text or "" for text in given))}


class CredentialDelete(Proven):
    """DELETE /credentials/{id}."""


class CredentialUpdate(Proven):
    """PATCH /credentials/{id}."""

    type: Kind = ""
    blob: Blob = ""
    project_id: Id | None = None


class CredentialCreate(CredentialUpdate):
    """POST /credentials."""

    user_id: Id | None = None
    type: Kind
    blob: Blob


class AccessKeyCreate(Body):
    """POST /users/{id}/credentials/OS-EC2."""

    model_config = ConfigDict(populate_by_name=False)

    project_id: Id = Field(alias="tenant_id")


def _place(row: Opened, scene: Scene) -> dict[str, str]:
    return {"self": scene.url(f"credentials/{row.row.pk}")}


class CredentialShown(OpenAnswer):
    """A secret that a user keeps, with the attributes he invented.

    ``blob`` is null for who does not get to see it.
    """

    INVENTED = "row.extra"

    id: Annotated[str, Of("row.pk")]
    user_id: Annotated[str, Of("row.user_id")]
    project_id: Annotated[str | None, Of("row.project_id")]
    type: Annotated[str, Of("row.type")]
    blob: str | None
    links: Annotated[SelfLink, Seen(_place)]


def _place_of_key(key: AccessKey, scene: Scene) -> dict[str, str]:
    return {"self": scene.url(f"users/{key.user_id}/credentials/OS-EC2/{key.access}")}


class AccessKeyShown(Answer):
    """An EC2 key; ``secret`` is null for who does not get to see it."""

    access: str
    secret: str | None
    user_id: str
    tenant_id: Annotated[str, Of("project_id")]
    trust_id: str | None
    links: Annotated[SelfLink, Seen(_place_of_key)]


CREDENTIAL = Resource(
    singular="credential",
    plural="credentials",
    answer=CredentialShown,
    create=CredentialCreate,
    update=CredentialUpdate,
    filters={"type": exactly("type"), "user_id": anything},
)
ACCESS_KEY = Resource(
    singular="credential", plural="credentials", answer=AccessKeyShown, create=AccessKeyCreate
)
