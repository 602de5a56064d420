"""QoS policies in the database, made by their managers."""

from __future__ import annotations

from typing import Any

from cloudweb.context import RequestContext
from network.manager import BandwidthLimitRuleManager, DscpMarkingRuleManager, QosPolicyManager
from network.models import QosPolicy


def make_qos_policy(
    context: RequestContext,
    *,
    egress: int | None = None,
    ingress: int | None = None,
    dscp: int | None = None,
    **overrides: Any,
) -> QosPolicy:
    """Return a policy of the caller's project with limits in kbit/s and a mark."""
    policy = QosPolicyManager(context).create(**{"name": "gold", **overrides})
    for direction, limit in (("egress", egress), ("ingress", ingress)):
        if limit is not None:
            BandwidthLimitRuleManager(context).create(
                policy.id, direction=direction, max_kbps=limit
            )
    if dscp is not None:
        DscpMarkingRuleManager(context).create(policy.id, dscp_mark=dscp)
    return QosPolicyManager(context).get(policy.id)
