"""The rules that a new security group has, as operators say."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import IntegrityError, transaction

from network.models import (
    DefaultRulesMade,
    DefaultSecurityGroupRule,
    SecurityGroup,
    SecurityGroupRule,
)
from network.rule_meaning import meaning_of

ONLY = 1  # the id of the row that tells that they were made


def ensure_default_rules() -> None:
    """Make those of the first day once: all may leave, and members of a default group may enter."""
    if DefaultRulesMade.objects.exists():
        return
    found = [
        DefaultSecurityGroupRule(
            direction=direction,
            ethertype=ethertype,
            of_members=direction == "ingress",
            used_in_default_sg=True,
            used_in_non_default_sg=direction == "egress",
        )
        for direction in ("egress", "ingress")
        for ethertype in ("IPv4", "IPv6")
    ]
    for rule in found:
        rule.meaning = default_meaning(rule)
    try:
        with transaction.atomic():
            DefaultRulesMade.objects.create(id=ONLY)
            DefaultSecurityGroupRule.objects.bulk_create(found)
    except IntegrityError:
        return  # another request was faster


def default_meaning(rule: DefaultSecurityGroupRule) -> str:
    """Return the rule as one line, equal for rules that accept the same in every group."""
    line = meaning_of(rule.rule_of(SecurityGroup(id=None)))
    return f"{line} members" if rule.of_members else line


def add_first_rules(group: SecurityGroup) -> None:
    """Give a new group its rules."""
    rules = [one.rule_of(group) for one in _templates(group)]
    for rule in rules:
        rule.meaning = meaning_of(rule)
    SecurityGroupRule.objects.bulk_create(rules)


def _templates(group: SecurityGroup) -> Sequence[DefaultSecurityGroupRule]:
    used = "used_in_default_sg" if group.is_default else "used_in_non_default_sg"
    rows = DefaultSecurityGroupRule.objects.order_by("created_at", "id")
    if not (found := [*rows]):
        ensure_default_rules()
        found = [*rows.all()]
    return [one for one in found if getattr(one, used)]
