"""Key pairs on the wire."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, StringConstraints

from cloudweb.api.answers import Answer
from cloudweb.api.fields import Body, Text
from cloudweb.api.shown import Always, Form
from cloudweb.microversions.compute import since
from cloudweb.names import no_control_characters
from cloudweb.times import micros


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


class KeyPairKept(KeyPairBrief):
    """A new key pair."""

    user_id: str


class KeyPairMade(KeyPairKept):
    """The same with the private key that was drawn, which is told this once."""

    private_key: str = ""


class KeyPairShown(KeyPairBrief):
    """A key pair with everything."""

    id: int
    user_id: str
    created_at: Annotated[str, Form(micros)]
    updated_at: Annotated[None, Always(None)]
    deleted: Annotated[bool, Always(False)]
    deleted_at: Annotated[None, Always(None)]
