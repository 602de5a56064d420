"""Security group rules: added and taken away, never changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction

from cloudweb.addresses import canonical_prefix, parse_block
from cloudweb.audit import note
from cloudweb.exceptions import InvalidInput, PolicyNotAuthorized
from cloudweb.listing import EVERYTHING, Listing, Page
from cloudweb.policy import policy
from network import news, quota
from network.backend import refuse_under_ovn
from network.exceptions.address_groups import AddressGroupNotFound
from network.exceptions.security_groups import (
    SecurityGroupEthertypeConflictWithProtocol,
    SecurityGroupInvalidIcmpValue,
    SecurityGroupInvalidPortRange,
    SecurityGroupInvalidPortValue,
    SecurityGroupMissingIcmpType,
    SecurityGroupMultipleRemoteEntites,
    SecurityGroupNotFound,
    SecurityGroupProtocolRequiredWithPorts,
    SecurityGroupRemoteGroupAndRemoteIpPrefix,
    SecurityGroupRuleExists,
    SecurityGroupRuleInvalidProtocol,
    SecurityGroupRuleNotFound,
    SecurityGroupRuleParameterConflict,
)
from network.manager.held import held
from network.manager.security_group import SecurityGroupManager
from network.manager.standard import Identifier, StandardManager, number
from network.manager.tied import the_group, tied_to
from network.models import AddressGroup, SecurityGroup, SecurityGroupRule
from network.protocols import ICMP, ICMPV6, IPV6_ALONE, SEEN_BY_OVN, WITH_PORTS
from network.rule_meaning import meaning_of, protocol_number


class SecurityGroupRuleManager(StandardManager[SecurityGroupRule]):
    """Rules of the groups of the caller's project."""

    model = SecurityGroupRule
    missing = SecurityGroupRuleNotFound

    @policy("network:security_group_rules:list")
    def list(self, listing: Listing = EVERYTHING) -> Page[SecurityGroupRule]:
        """Return the rules of own groups, the default group's included."""
        if self.context.project_id is not None:
            SecurityGroupManager(self.context).ensure_default(self.context.project_id)
        return self._page(listing)

    @policy("network:security_group_rules:get")
    def get(self, rule_id: Identifier) -> SecurityGroupRule:
        """Return a rule; raise SecurityGroupRuleNotFound."""
        return self._get(rule_id)

    @policy("network:security_group_rules:create")
    def create(
        self,
        *,
        security_group_id: Identifier,
        direction: str,
        ethertype: str = "IPv4",
        protocol: str = "",
        port_range_min: int | None = None,
        port_range_max: int | None = None,
        remote_ip_prefix: str = "",
        remote_group_id: Identifier | None = None,
        remote_address_group_id: Identifier | None = None,
        description: str = "",
        project_id: str | None = None,
    ) -> SecurityGroupRule:
        """Let more traffic in or out of a group's members; their hosts learn of it.

        Raises SecurityGroupRuleExists for one that says the same, SecurityGroupNotFound,
        AddressGroupNotFound, and what is wrong with protocol, ports and remote.
        """
        check_protocol(protocol, ethertype, port_range_min, port_range_max)
        if remote_address_group_id and (remote_ip_prefix or remote_group_id):
            raise SecurityGroupMultipleRemoteEntites
        remote_ip_prefix = stored_prefix(ethertype, remote_ip_prefix, remote_group_id)
        self._project(project_id)
        group = self._group(security_group_id)
        if not self._owns(group):
            raise PolicyNotAuthorized("network:security_group_rules:create")
        note(target_name=group.name)
        rule = SecurityGroupRule(
            project_id=group.project_id,
            security_group=group,
            direction=direction,
            ethertype=ethertype,
            protocol=protocol,
            port_range_min=port_range_min,
            port_range_max=port_range_max,
            remote_ip_prefix=remote_ip_prefix,
            description=description,
        )
        with tied_to(the_group(remote_group_id)), transaction.atomic():
            rule.remote_group = self._remote(remote_group_id)
            rule.remote_address_group = self._addresses(remote_address_group_id)
            rule.meaning = meaning_of(rule)
            quota.reserve(group.project_id, "security_group_rule")
            if not SecurityGroup.objects.filter(id=group.id).touch():
                raise SecurityGroupNotFound(group.id)
            same = SecurityGroupRule.objects.filter(security_group=group, meaning=rule.meaning)
            existing = same.first()
            if existing is not None:
                raise SecurityGroupRuleExists(existing.id)
            rule.save(force_insert=True)
            news.rules_changed([group.id])
        return rule

    @policy("network:security_group_rules:create")
    def create_many(self, items: Sequence[Mapping[str, Any]]) -> Sequence[SecurityGroupRule]:
        """Make all of them or none."""
        with self._several(items):
            return [self.create(**item) for item in items]

    @policy("network:security_group_rules:delete")
    def delete(self, rule_id: Identifier, *, if_revision: int | None = None) -> None:
        """Take a rule away; the hosts of the group's members learn of it."""
        rule = self._writable(rule_id, "network:security_group_rules:delete")
        note(target_name=rule.security_group.name)
        with transaction.atomic():
            SecurityGroup.objects.filter(id=rule.security_group_id).touch()
            self._changing(rule, if_revision).delete()
            news.rules_changed([rule.security_group_id])

    def _addresses(self, group_id: Identifier | None) -> AddressGroup | None:
        if not group_id:
            return None
        found = held(self.context, AddressGroup, group_id)
        if found is None:
            raise AddressGroupNotFound(group_id)
        return found

    def _remote(self, group_id: Identifier | None) -> SecurityGroup | None:
        if not group_id:
            return None
        found = held(self.context, SecurityGroup, group_id)
        if found is None:
            raise SecurityGroupNotFound(group_id)
        return found

    def _group(self, group_id: Identifier) -> SecurityGroup:
        rows = SecurityGroup.objects.visible_to(self.context)
        group = rows.filter(id=number(group_id)).first()
        if group is None:
            raise SecurityGroupNotFound(group_id)
        return group


def check_protocol(
    protocol: str, ethertype: str, port_min: int | None, port_max: int | None
) -> None:
    """Check that ports, or ICMP's type and code, fit the protocol and the IP version."""
    try:
        found = protocol_number(protocol, ethertype)
    except ValueError as error:
        raise SecurityGroupRuleInvalidProtocol(protocol) from error
    if found in IPV6_ALONE and ethertype == "IPv4":
        raise SecurityGroupEthertypeConflictWithProtocol(ethertype=ethertype, protocol=protocol)
    said = {"type": port_min, "code": port_max}
    for value in said.values():
        if value is not None and not 0 <= value <= 65535:
            raise SecurityGroupInvalidPortValue(value)
    if port_min is None and port_max is None:
        return
    if found is None:
        raise SecurityGroupProtocolRequiredWithPorts
    if found in (ICMP, ICMPV6):
        if port_min is None:
            raise SecurityGroupMissingIcmpType(port_max)
        for field, attribute in (("type", "port_range_min"), ("code", "port_range_max")):
            if (value := said[field]) is not None and value > 255:
                raise SecurityGroupInvalidIcmpValue(value, field=field, attribute=attribute)
        return
    if found in WITH_PORTS - SEEN_BY_OVN:
        refuse_under_ovn(field="port_range_min", value=port_min, what="rules about its ports")
    if (
        found not in WITH_PORTS
        or port_min is None
        or port_max is None
        or not 1 <= port_min <= port_max <= 65535
    ):
        raise SecurityGroupInvalidPortRange(port_min, port_max, protocol=protocol)


def stored_prefix(ethertype: str, prefix: str, group_id: Identifier | None) -> str:
    """Return the prefix as it is stored; there is one kind of remote, of the rule's IP version."""
    if prefix and group_id:
        raise SecurityGroupRemoteGroupAndRemoteIpPrefix
    if not prefix:
        return ""
    try:
        version = parse_block(prefix).version
    except ValueError as error:
        raise InvalidInput(
            field="remote_ip_prefix", value=prefix, reason="It is no IP block."
        ) from error
    if f"IPv{version}" != ethertype:
        raise SecurityGroupRuleParameterConflict(ethertype=ethertype, prefix=prefix)
    return canonical_prefix(prefix)
