"""Default security group rules: what new groups have in them; groups that are there stay as they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import IntegrityError, transaction

from cloudweb.exceptions import BadRequest
from cloudweb.listing import EVERYTHING, Listing, Page
from cloudweb.policy import policy
from network.exceptions.security_groups import (
    DefaultSecurityGroupRuleExists,
    DefaultSecurityGroupRuleNotFound,
    SecurityGroupRemoteGroupAndRemoteIpPrefix,
)
from network.first_rules import default_meaning, ensure_default_rules
from network.manager.security_group_rule import check_protocol, stored_prefix
from network.manager.standard import Identifier, StandardManager
from network.models import DefaultSecurityGroupRule

MAX_RULES = 50


class DefaultRuleManager(StandardManager[DefaultSecurityGroupRule]):
    """The rules that all new groups of the cloud get."""

    model = DefaultSecurityGroupRule
    missing = DefaultSecurityGroupRuleNotFound

    @policy("network:default_security_group_rules:list")
    def list(self, listing: Listing = EVERYTHING) -> Page[DefaultSecurityGroupRule]:
        """Return all."""
        ensure_default_rules()
        return self._page(listing)

    @policy("network:default_security_group_rules:get")
    def get(self, rule_id: Identifier) -> DefaultSecurityGroupRule:
        """Return one; raise DefaultSecurityGroupRuleNotFound."""
        ensure_default_rules()
        return self._get(rule_id)

    @policy("network:default_security_group_rules:create")
    def create(
        self,
        *,
        direction: str,
        ethertype: str = "IPv4",
        protocol: str = "",
        port_range_min: int | None = None,
        port_range_max: int | None = None,
        remote_ip_prefix: str = "",
        of_members: bool = False,
        used_in_default_sg: bool = False,
        used_in_non_default_sg: bool = True,
        description: str = "",
    ) -> DefaultSecurityGroupRule:
        """Let new groups have one more; raise DefaultSecurityGroupRuleExists, and as a rule does."""
        check_protocol(protocol, ethertype, port_range_min, port_range_max)
        if remote_ip_prefix and of_members:
            raise SecurityGroupRemoteGroupAndRemoteIpPrefix
        rule = DefaultSecurityGroupRule(
            direction=direction,
            ethertype=ethertype,
            protocol=protocol,
            port_range_min=port_range_min,
            port_range_max=port_range_max,
            remote_ip_prefix=stored_prefix(ethertype, remote_ip_prefix, None),
            of_members=of_members,
            used_in_default_sg=used_in_default_sg,
            used_in_non_default_sg=used_in_non_default_sg,
            description=description,
        )
        rule.meaning = default_meaning(rule)
        ensure_default_rules()
        if DefaultSecurityGroupRule.objects.count() >= MAX_RULES:
            raise BadRequest(f"There are {MAX_RULES} default security group rules at most.")
        try:
            with transaction.atomic():
                rule.save(force_insert=True)
        except IntegrityError as error:
            raise DefaultSecurityGroupRuleExists from error
        return rule

    @policy("network:default_security_group_rules:create")
    def create_many(self, items: Sequence[Mapping[str, Any]]) -> Sequence[DefaultSecurityGroupRule]:
        """Make all of them or none."""
        with transaction.atomic():
            return [self.create(**item) for item in items]

    @policy("network:default_security_group_rules:delete")
    def delete(self, rule_id: Identifier, *, if_revision: int | None = None) -> None:
        """Let new groups have it no more."""
        ensure_default_rules()
        rule = self._get(rule_id)
        with transaction.atomic():
            self._changing(rule, if_revision).delete()
