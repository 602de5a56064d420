"""Security groups on the wire."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from cloudweb.api.fields import Text
from cloudweb.api.filters import equal
from network.api.filters import STANDARD_FILTERS
from network.api.resource import Resource
from network.api.serializers.attributes import Change, Creation, owner, standard
from network.api.serializers.security_group_rules import rule_of_group_body
from network.models import SecurityGroup


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


def security_group_body(group: SecurityGroup, *, for_operator: bool) -> dict[str, Any]:
    """Return one group with its rules."""
    return {
        "id": str(group.id),
        "name": group.name,
        **owner(group),
        "stateful": True,
        "shared": False,
        "security_group_rules": [rule_of_group_body(rule, group) for rule in group.rules.all()],
        **standard(group),
    }


SECURITY_GROUP = Resource(
    singular="security_group",
    plural="security_groups",
    create=SecurityGroupCreate,
    update=SecurityGroupUpdate,
    render=security_group_body,
    filters={**STANDARD_FILTERS, "name": equal("name")},
    sort_keys={"name": "name"},
)
