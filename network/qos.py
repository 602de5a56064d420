"""What QoS policies mean for ports and addresses outside: rows become what hosts are told."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from cloudweb.database.prepared import Given, Prepared
from network import states
from network.models import FloatingIp, Port, QosRule, Router
from network.models.qos import QosRuleKind
from network.objects import BandwidthLimit, PortQos
from network.routers.objects import AddressLimit

_RULES = Prepared(
    lambda: QosRule.objects.filter(qos_policy__among=Given("policies")).order_by("id")
)


def policy_of(port: Port) -> UUID | None:
    """Return the policy a port is held to: its own, else its network's; the cloud's ports have no other's."""
    if port.qos_policy_id is not None or port.device_owner.startswith(states.CLOUD_OWNERS):
        return port.qos_policy_id
    return port.network.qos_policy_id


def meanings(policy_ids: Iterable[UUID | None]) -> Mapping[UUID, PortQos]:
    """Return what policies hold a port to, those without rules left out; no query for none."""
    wanted = {policy_id for policy_id in policy_ids if policy_id is not None}
    rules: defaultdict[UUID, list[QosRule]] = defaultdict(list)
    for rule in _RULES.rows(policies=wanted) if wanted else ():
        rules[rule.qos_policy_id].append(rule)
    return {policy_id: _meaning(found) for policy_id, found in rules.items()}


def address_limits(
    router: Router,
    floating: Sequence[FloatingIp],
    outside: Sequence[str],
    *,
    known: Mapping[UUID, PortQos] | None = None,
) -> tuple[AddressLimit, ...]:
    """Return what a router's addresses outside are held to; ``outside`` are the gateway's own.

    ``known``: what the policies mean, where many routers are read at once.
    """
    found = known
    if found is None:
        found = meanings([router.qos_policy_id, *(one.qos_policy_id for one in floating)])
    held = [(address, router.qos_policy_id) for address in outside]
    held += [(one.floating_ip_address, one.qos_policy_id) for one in floating]
    return tuple(
        AddressLimit(address=address, ingress=qos.ingress, egress=qos.egress)
        for address, policy_id in held
        if policy_id is not None
        and (qos := found.get(policy_id)) is not None
        and (qos.ingress or qos.egress)
    )


def _meaning(rules: Iterable[QosRule]) -> PortQos:
    limits, dscp = {}, None
    for rule in rules:
        if rule.kind == QosRuleKind.DSCP_MARKING:
            dscp = rule.dscp_mark
        elif rule.max_kbps is not None:
            limits[rule.direction] = BandwidthLimit(
                max_kbps=rule.max_kbps, burst_kbits=rule.max_burst_kbps
            )
    return PortQos(ingress=limits.get("ingress"), egress=limits.get("egress"), dscp=dscp)
