"""Volume types on the wire, as databases show them."""

from __future__ import annotations

from typing import Annotated

from cloudweb.api.answers import Answer
from cloudweb.api.shown import Form


class VolumeTypeShown(Answer):
    """A type that a database's volume may have."""

    id: Annotated[str, Form(str)]
    name: str
    description: str | None
    is_public: bool
