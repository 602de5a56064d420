"""Signed requests on the wire: POST /ec2tokens and /s3tokens."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints

from cloudweb.api.fields import Body
from identity.methods.signature import RequestSignature, TextSignature, decoded

Text = Annotated[str, StringConstraints(max_length=8_192)]
Access = Annotated[str, StringConstraints(min_length=1, max_length=255)]
Words = Annotated[dict[Text, Text | int], Field(max_length=256)]


def _is_base64(text: str) -> str:
    decoded(text)
    return text


class SignedRequest(Body):
    """A request that a service was asked, under ``credentials`` or ``ec2Credentials``."""

    access: Access
    signature: Text
    host: Text = ""
    verb: Text = ""
    path: Text = ""
    params: Words = Field(default_factory=dict)
    headers: Words = Field(default_factory=dict)
    body_hash: Text = ""

    def proof(self) -> RequestSignature:
        """Return what it proves."""
        return RequestSignature(
            access=self.access,
            signature=self.signature,
            host=self.host,
            verb=self.verb,
            path=self.path,
            params={name: str(value) for name, value in self.params.items()},
            headers={name: str(value) for name, value in self.headers.items()},
            body_hash=self.body_hash,
        )


class SignedText(Body):
    """What an S3 service says was signed: ``token`` is the text, base64."""

    access: Access
    signature: Text
    token: Annotated[Text, AfterValidator(_is_base64)]

    def proof(self) -> TextSignature:
        """Return what it proves."""
        return TextSignature(access=self.access, signature=self.signature, text=decoded(self.token))
