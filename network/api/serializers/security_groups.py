"""Security groups on the wire."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from cloudweb.api.fields import Text
from cloudweb.api.filters import equal, flag
from cloudweb.api.resource import Resource
from cloudweb.api.shown import Always, Of, Seen, shown
from network.api.filters import STANDARD_FILTERS, STANDARD_SORT_KEYS
from network.api.serializers.attributes import Change, Creation, StandardShown
from network.api.serializers.security_group_rules import SecurityGroupRuleShown


class SecurityGroupCreate(Creation):
    """POST /security-groups; hosts filter statefully, always."""

    UNUSED: ClassVar[frozenset[str]] = frozenset({"stateful"})

    name: Text
    stateful: Literal[True] = True


class SecurityGroupUpdate(Change):
    """PUT /security-groups/{id}."""

    UNUSED: ClassVar[frozenset[str]] = frozenset({"stateful"})

    name: Text = ""
    stateful: Literal[True] = True


class SecurityGroupShown(StandardShown):
    """A group with its rules."""

    name: str
    stateful: Annotated[bool, Always(True)]
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
    filters={**STANDARD_FILTERS, "name": equal("name"), "shared": flag("shared_here")},
    sort_keys={**STANDARD_SORT_KEYS, "name": "name"},
)
