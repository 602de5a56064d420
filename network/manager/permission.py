"""What people permit in one go: the rules for it, of IPv4 and IPv6."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction

from cloudweb.addresses import parse_block
from cloudweb.manager import Manager
from cloudweb.policy import policy
from network.exceptions.security_groups import SecurityGroupRuleExists
from network.manager.security_group_rule import SecurityGroupRuleManager
from network.manager.standard import Identifier
from network.models import SecurityGroupRule
from network.protocols import IPV6_ALONE
from network.rule_meaning import protocol_number
from network.services import ETHERTYPES


class PermissionManager(Manager):
    """Permissions of a group: rules that say the same of both IP versions."""

    @policy("network:security_group_rules:create")
    def create(
        self,
        *,
        security_group_id: Identifier,
        direction: str,
        protocol: str = "",
        port_range_min: int | None = None,
        port_range_max: int | None = None,
        block: str = "",
        remote_group_id: Identifier | None = None,
        remote_address_group_id: Identifier | None = None,
        description: str = "",
    ) -> Sequence[SecurityGroupRule]:
        """Make the rules that are missing, of the block's IP version, else of both.

        All or none. Raises SecurityGroupRuleExists where none is missing, and as the manager of
        rules does.
        """
        made: list[SecurityGroupRule] = []
        existing: SecurityGroupRuleExists | None = None
        with transaction.atomic():
            for ethertype in _versions(protocol, block):
                try:
                    with transaction.atomic():
                        rule = SecurityGroupRuleManager(self.context).create(
                            security_group_id=security_group_id,
                            direction=direction,
                            ethertype=ethertype,
                            protocol=protocol,
                            port_range_min=port_range_min,
                            port_range_max=port_range_max,
                            remote_ip_prefix=block,
                            remote_group_id=remote_group_id,
                            remote_address_group_id=remote_address_group_id,
                            description=description,
                        )
                except SecurityGroupRuleExists as error:
                    existing = error
                else:
                    made.append(rule)
            if existing is not None and not made:
                raise existing
        return made

    @policy("network:security_group_rules:delete")
    def delete(self, rule_ids: Sequence[Identifier]) -> None:
        """Take all rules of a permission away, or none; raise SecurityGroupRuleNotFound."""
        with transaction.atomic():
            for rule_id in rule_ids:
                SecurityGroupRuleManager(self.context).delete(rule_id)


def _versions(protocol: str, block: str) -> Sequence[str]:
    """Return the IP versions of a permission; what cannot be read is for the rules to refuse."""
    try:
        if block:
            return [f"IPv{parse_block(block).version}"]
        return ["IPv6"] if protocol_number(protocol) in IPV6_ALONE else ETHERTYPES
    except ValueError:
        return ["IPv4"]
