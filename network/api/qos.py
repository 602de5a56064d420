"""/qos: policies, their rules, and the types of rules."""

from __future__ import annotations

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.answers import listing, within
from cloudweb.api.views import ServiceViewSet
from network.api.resource import NounViewSet
from network.api.serializers.qos import (
    BANDWIDTH_LIMIT_RULE,
    DSCP_MARKING_RULE,
    QOS_POLICY,
    RuleTypeDetails,
    RuleTypeShown,
    rule_type_details,
)
from network.manager import (
    BandwidthLimitRuleManager,
    DscpMarkingRuleManager,
    QosPolicyManager,
    QosRuleTypeManager,
)


class QosPolicyViewSet(NounViewSet):
    """QoS policies."""

    manager = QosPolicyManager
    resource = QOS_POLICY
    called: ClassVar[str] = "qos_policies"


class BandwidthLimitRuleViewSet(NounViewSet):
    """The limits of one policy."""

    manager = BandwidthLimitRuleManager
    resource = BANDWIDTH_LIMIT_RULE


class DscpMarkingRuleViewSet(NounViewSet):
    """The marks of one policy."""

    manager = DscpMarkingRuleManager
    resource = DSCP_MARKING_RULE


class _ByItsOwnId(NounViewSet):
    """A rule without the name of its policy."""

    def retrieve(self, request: Request, *_: Any, **path: Any) -> Response:
        """Return one."""
        return super().retrieve(request, policy_id=None, **path)

    def update(self, request: Request, *_: Any, **path: Any) -> Response:
        """Change what the body names, keep the rest."""
        return super().update(request, policy_id=None, **path)

    def destroy(self, request: Request, *_: Any, **path: Any) -> Response:
        """Remove one."""
        return super().destroy(request, policy_id=None, **path)


class AnyBandwidthLimitRuleViewSet(_ByItsOwnId):
    """Limits by their own ids."""

    manager = BandwidthLimitRuleManager
    resource = BANDWIDTH_LIMIT_RULE
    called: ClassVar[str] = "alias_bandwidth_limit_rules"


class AnyDscpMarkingRuleViewSet(_ByItsOwnId):
    """Marks by their own ids."""

    manager = DscpMarkingRuleManager
    resource = DSCP_MARKING_RULE
    called: ClassVar[str] = "alias_dscp_marking_rules"


class QosRuleTypeViewSet(ServiceViewSet):
    """The types of rules that are offered."""

    @extend_schema(
        operation_id="network_qos_rule_types_list",
        responses={200: listing("rule_types", RuleTypeShown)},
    )
    def list(self, request: Request) -> Response:
        """Return those that all hosts can enforce."""
        found = QosRuleTypeManager(self.context).list()
        return Response({"rule_types": [{"type": kind} for kind in found]})

    @extend_schema(
        operation_id="network_qos_rule_types_get",
        responses={200: within("rule_type", RuleTypeDetails)},
    )
    def retrieve(self, request: Request, name: str) -> Response:
        """Return one, and what enforces it."""
        kind, drivers = QosRuleTypeManager(self.context).get(name)
        return Response({"rule_type": rule_type_details(kind, drivers)})
