"""Shelves on the wire."""

from __future__ import annotations

from typing import Annotated

from cloudweb.api.answers import Answer
from cloudweb.api.fields import Body, Name
from cloudweb.api.filters import equal
from cloudweb.api.resource import Resource
from cloudweb.api.shown import Form
from cloudweb.times import seconds_z


class ShelfBody(Body):
    """POST /shelves, PUT /shelves/{id}."""

    name: Name


class ShelfShown(Answer):
    """A shelf."""

    id: Annotated[str, Form(str)]
    project_id: str
    name: str
    status: str
    boards: int
    created_at: Annotated[str, Form(seconds_z)]


SHELF = Resource(
    singular="shelf",
    plural="shelves",
    answer=ShelfShown,
    create=ShelfBody,
    update=ShelfBody,
    filters={"name": equal("name"), "status": equal("status")},
)
