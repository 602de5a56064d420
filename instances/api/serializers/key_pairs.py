"""Key pairs on the wire."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, StringConstraints

from cloudweb.api.answers import Answer
from cloudweb.api.fields import Body, Text
from cloudweb.api.versioned import leave_out
from cloudweb.microversions import Microversion
from cloudweb.microversions.compute import since
from cloudweb.names import no_control_characters
from cloudweb.times import micros
from instances.models import KeyPair


class KeyPairCreate(Body):
    """The ``keypair`` of POST /os-keypairs."""

    name: Annotated[
        str,
        StringConstraints(min_length=1, max_length=255, pattern=r"^[^/\\]+$"),
        AfterValidator(no_control_characters),
    ]
    public_key: Annotated[str, StringConstraints(max_length=16384)] | None = None
    type: Annotated[Literal["ssh", "x509"], since(2)] = "ssh"
    user_id: Annotated[Text | None, since(10)] = None


class KeyPairBrief(Answer):
    """A key pair in a list."""

    name: str
    public_key: str
    fingerprint: str
    type: Annotated[str, since(2)]


class KeyPairListed(Answer):
    """Each in its own envelope."""

    keypair: KeyPairBrief


class KeyPairMade(KeyPairBrief):
    """A new key pair; a private key that was drawn is told this once."""

    user_id: str
    private_key: str = ""


class KeyPairShown(KeyPairBrief):
    """A key pair with everything."""

    id: int
    user_id: str
    created_at: str
    updated_at: str | None
    deleted: bool
    deleted_at: str | None


def brief(pair: KeyPair, version: Microversion) -> dict[str, Any]:
    """Return a key pair as a list shows it."""
    data = {
        "name": pair.name,
        "public_key": pair.public_key,
        "fingerprint": pair.fingerprint,
        "type": pair.type,
    }
    return leave_out(KeyPairBrief, version, data)


def full(pair: KeyPair, version: Microversion) -> dict[str, Any]:
    """Return a key pair with everything."""
    return {
        **brief(pair, version),
        "id": pair.id,
        "user_id": pair.user_id,
        "created_at": micros(pair.created_at),
        "updated_at": None,
        "deleted": False,
        "deleted_at": None,
    }
