"""Address groups on the wire."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from cloudweb.api.fields import Body, IpPrefix, Text
from cloudweb.api.filters import equal, flag
from cloudweb.api.resource import Resource
from cloudweb.api.shown import Of
from network.api.filters import STANDARD_FILTERS, STANDARD_SORT_KEYS
from network.api.serializers.attributes import Change, Creation, StandardShown

AddressList = Annotated[tuple[IpPrefix, ...], Field(max_length=500)]


class Addresses(Body):
    """PUT …/add_addresses and …/remove_addresses."""

    addresses: Annotated[AddressList, Field(min_length=1)]


class AddressGroupCreate(Creation):
    """POST /address-groups."""

    name: Text = ""
    addresses: AddressList = ()


class AddressGroupUpdate(Change):
    """PUT /address-groups/{id}; addresses are added and taken away by words of their own."""

    name: Text = ""


class AddressGroupShown(StandardShown):
    """A group."""

    name: str
    addresses: list[str]
    shared: Annotated[bool, Of("is_shared")]


ADDRESS_GROUP = Resource(
    singular="address_group",
    plural="address_groups",
    answer=AddressGroupShown,
    create=AddressGroupCreate,
    update=AddressGroupUpdate,
    filters={**STANDARD_FILTERS, "name": equal("name"), "shared": flag("shared_here")},
    sort_keys={**STANDARD_SORT_KEYS, "name": "name"},
)
