"""QoS policies and their rules on the wire."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator

from cloudweb.api.answers import Answer
from cloudweb.api.fields import LooseBool, NaturalNumber, PositiveNumber, Text
from cloudweb.api.filters import equal, flag, identifier, number
from cloudweb.api.resource import Resource
from cloudweb.api.shown import Of
from network.api.filters import STANDARD_FILTERS, STANDARD_SORT_KEYS
from network.api.serializers.attributes import (
    Change,
    Creation,
    Id,
    Selectable,
    StandardShown,
)
from network.models import QosPolicy, QosRule
from network.models.qos import QosRuleKind

#: The marks that have a meaning (RFC 2474, 2597, 3246), as Neutron takes them.
MARKS = (0, *range(8, 41, 2), 46, 48, 56)
Direction = Literal["ingress", "egress"]


def _mark(value: int) -> int:
    if value not in MARKS:
        raise ValueError(f"It must be one of {', '.join(map(str, MARKS))}")
    return value


Mark = Annotated[NaturalNumber, AfterValidator(_mark)]


class QosPolicyCreate(Creation):
    """POST /qos/policies."""

    name: Text
    shared: LooseBool = False
    is_default: LooseBool = False


class QosPolicyUpdate(Change):
    """PUT /qos/policies/{id}."""

    name: Text = ""
    shared: LooseBool = False
    is_default: LooseBool = False


class RuleOfPolicyShown(Answer):
    """A rule within its policy, of whatever kind: what the kind does not have is left out."""

    id: str
    qos_policy_id: str
    type: str
    max_kbps: int | None = None
    max_burst_kbps: int | None = None
    direction: str | None = None
    dscp_mark: int | None = None


def _of_policy(rule: QosRule) -> dict[str, Any]:
    shown = {"id": str(rule.id), "qos_policy_id": str(rule.qos_policy_id), "type": rule.kind}
    if rule.kind == QosRuleKind.DSCP_MARKING:
        return {**shown, "dscp_mark": rule.dscp_mark}
    limit = {name: getattr(rule, name) for name in ("max_kbps", "max_burst_kbps", "direction")}
    return {**shown, **limit}


def _rules(policy: QosPolicy) -> list[dict[str, Any]]:
    return [_of_policy(rule) for rule in policy.rules.all()]


class QosPolicyShown(StandardShown):
    """A QoS policy with its rules."""

    name: str
    shared: Annotated[bool, Of("is_shared")]
    is_default: bool
    rules: Annotated[list[RuleOfPolicyShown], Of(_rules)]


class BandwidthLimitCreate(Creation):
    """POST /qos/policies/{id}/bandwidth_limit_rules; the burst is in kilobits."""

    max_kbps: PositiveNumber
    max_burst_kbps: NaturalNumber = 0
    direction: Direction = "egress"

    def said(self) -> dict[str, Any]:
        """Return it with the direction that is meant where none is said."""
        return {**super().said(), "direction": self.direction}


class BandwidthLimitUpdate(Change):
    """PUT …/bandwidth_limit_rules/{id}."""

    max_kbps: PositiveNumber = 1
    max_burst_kbps: NaturalNumber = 0
    direction: Direction = "egress"


class DscpMarkingCreate(Creation):
    """POST /qos/policies/{id}/dscp_marking_rules."""

    dscp_mark: Mark


class DscpMarkingUpdate(Change):
    """PUT …/dscp_marking_rules/{id}."""

    dscp_mark: Mark = 0


class RuleShown(Selectable):
    """What rules of all kinds show."""

    id: Id
    qos_policy_id: Id


class BandwidthLimitShown(RuleShown):
    """A limit of how much passes."""

    max_kbps: int
    max_burst_kbps: int
    direction: str


class DscpMarkingShown(RuleShown):
    """A mark of what is sent."""

    dscp_mark: int


class RuleTypeShown(Answer):
    """A type of rules."""

    type: str


class ParameterShown(Answer):
    """What a rule of a type may hold."""

    parameter_name: str
    parameter_type: str
    parameter_values: Any


class DriverShown(Answer):
    """What enforces rules of a type on a host."""

    name: str
    supported_parameters: list[ParameterShown]


class RuleTypeDetails(RuleTypeShown):
    """A type of rules, and what enforces it."""

    drivers: list[DriverShown]


_RANGE = {"start": 0, "end": 2147483647}
_PARAMETERS = {
    QosRuleKind.BANDWIDTH_LIMIT: (
        ("max_kbps", "range", {**_RANGE, "start": 1}),
        ("max_burst_kbps", "range", _RANGE),
        ("direction", "choices", ["ingress", "egress"]),
    ),
    QosRuleKind.DSCP_MARKING: (("dscp_mark", "choices", [*MARKS]),),
}


def rule_type_details(kind: str, drivers: Any) -> dict[str, Any]:
    """Return a type as operators are answered."""
    parameters = [
        ParameterShown(parameter_name=name, parameter_type=form, parameter_values=values)
        for name, form, values in _PARAMETERS[QosRuleKind(kind)]
    ]
    shown = [DriverShown(name=name, supported_parameters=parameters) for name in drivers]
    return RuleTypeDetails(type=kind, drivers=shown).model_dump()


QOS_POLICY = Resource(
    singular="policy",
    plural="policies",
    answer=QosPolicyShown,
    create=QosPolicyCreate,
    update=QosPolicyUpdate,
    filters={
        **STANDARD_FILTERS,
        "name": equal("name"),
        "shared": flag("shared_here"),
        "is_default": flag("is_default"),
    },
    sort_keys={**STANDARD_SORT_KEYS, "name": "name"},
)
BANDWIDTH_LIMIT_RULE = Resource(
    singular="bandwidth_limit_rule",
    plural="bandwidth_limit_rules",
    answer=BandwidthLimitShown,
    create=BandwidthLimitCreate,
    update=BandwidthLimitUpdate,
    filters={
        "id": identifier("id"),
        "max_kbps": number("max_kbps"),
        "max_burst_kbps": number("max_burst_kbps"),
        "direction": equal("direction"),
    },
    sort_keys={"id": "id", "max_kbps": "max_kbps"},
)
DSCP_MARKING_RULE = Resource(
    singular="dscp_marking_rule",
    plural="dscp_marking_rules",
    answer=DscpMarkingShown,
    create=DscpMarkingCreate,
    update=DscpMarkingUpdate,
    filters={"id": identifier("id"), "dscp_mark": number("dscp_mark")},
    sort_keys={"id": "id"},
)
