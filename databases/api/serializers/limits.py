"""Limits and quotas on the wire."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from cloudweb.api.answers import Answer, OpenAnswer
from cloudweb.api.fields import Body, loose_int

Limit = Annotated[int, Field(ge=-1, le=2**31 - 1), BeforeValidator(loose_int)]


class LimitShown(OpenAnswer):
    """The limits of a project: ``max_`` and a resource each."""

    verb: str


class QuotaShown(Answer):
    """One resource's limit and use."""

    resource: str
    limit: int
    in_use: int
    reserved: int


class QuotaChanges(Body):
    """``quotas`` of PUT /mgmt/quotas/{project}."""

    instances: Limit | None = None
    volumes: Limit | None = None
    backups: Limit | None = None
    ram: Limit | None = None

    def said(self) -> dict[str, Any]:
        """Return the limits that are named; a null says nothing."""
        return {name: value for name, value in super().said().items() if value is not None}
