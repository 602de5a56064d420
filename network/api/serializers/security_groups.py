"""Security groups on the wire."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from cloudweb.api.fields import LooseBool, Text
from cloudweb.api.filters import equal, flag
from cloudweb.api.resource import Resource
from cloudweb.api.shown import Of, Seen, shown
from network.api.filters import STANDARD_FILTERS, STANDARD_SORT_KEYS
from network.api.serializers.attributes import Change, Creation, StandardShown
from network.api.serializers.security_group_rules import SecurityGroupRuleShown


class SecurityGroupCreate(Creation):
    """POST /security-groups."""

    name: Text
    stateful: LooseBool = True


class SecurityGroupUpdate(Change):
    """PUT /security-groups/{id}."""

    name: Text = ""
    stateful: LooseBool = True


class SecurityGroupShown(StandardShown):
    """A group with its rules."""

    name: str
    stateful: bool
    shared: Annotated[bool, Of("is_shared")]
    rules: Annotated[
        list[SecurityGroupRuleShown],
        Field(alias="security_group_rules"),
        Seen(lambda row, scene: shown(SecurityGroupRuleShown, row.rules.all(), scene)),
    ]


SECURITY_GROUP = Resource(
    singular="security_group",
    plural="security_groups",
    answer=SecurityGroupShown,
    create=SecurityGroupCreate,
    update=SecurityGroupUpdate,
    filters={
        **STANDARD_FILTERS,
        "name": equal("name"),
        "shared": flag("shared_here"),
        "stateful": flag("stateful"),
    },
    sort_keys={**STANDARD_SORT_KEYS, "name": "name", "stateful": "stateful"},
)
