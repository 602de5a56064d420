"""Address scopes on the wire."""

from __future__ import annotations

from typing import Annotated

from cloudweb.api.fields import LooseBool, Text
from cloudweb.api.filters import equal, flag, number
from cloudweb.api.resource import Resource
from cloudweb.api.shown import Of
from network.api.filters import STANDARD_FILTERS, STANDARD_SORT_KEYS
from network.api.serializers.attributes import Change, Creation, StandardShown, Version


class AddressScopeCreate(Creation):
    """POST /address-scopes."""

    name: Text = ""
    ip_version: Version = 4
    shared: LooseBool = False

    def said(self) -> dict[str, object]:
        """Return what the client said, and the version that is meant without a word."""
        return {"ip_version": self.ip_version, **super().said()}


class AddressScopeUpdate(Change):
    """PUT /address-scopes/{id}."""

    name: Text = ""
    shared: LooseBool = False


class AddressScopeShown(StandardShown):
    """A scope."""

    name: str
    ip_version: int
    shared: Annotated[bool, Of("is_shared")]


ADDRESS_SCOPE = Resource(
    singular="address_scope",
    plural="address_scopes",
    answer=AddressScopeShown,
    create=AddressScopeCreate,
    update=AddressScopeUpdate,
    filters={
        **STANDARD_FILTERS,
        "name": equal("name"),
        "ip_version": number("ip_version"),
        "shared": flag("shared_here"),
    },
    sort_keys={**STANDARD_SORT_KEYS, "name": "name", "ip_version": "ip_version"},
)
