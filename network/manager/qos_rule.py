"""The rules of QoS policies: what changes here is in force on hosts a moment later."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, TypedDict, Unpack

from django.db import transaction

from cloudweb.exceptions import PolicyNotAuthorized
from cloudweb.listing import EVERYTHING, Listing, Page
from cloudweb.manager import Manager
from cloudweb.policy import policy
from network import news
from network.exceptions.qos import (
    QosPolicyNotFound,
    QosRuleNotFound,
    QosRuleNotSupported,
    QoSRulesConflict,
    QosRuleTypeNotFound,
)
from network.manager.agent import DOMAIN
from network.manager.qos_policy import QosPolicyManager
from network.manager.standard import Identifier, StandardManager
from network.models import Agent, QosPolicy, QosRule
from network.models.qos import QosRuleKind
from operations import services


class QosRuleChanges(TypedDict, total=False):
    """What may change on a rule, as its kind has it."""

    max_kbps: int
    max_burst_kbps: int
    direction: str
    dscp_mark: int


class QosRuleManager(StandardManager[QosRule]):
    """The rules of one kind; a policy's id of None stands for whichever has the rule."""

    model = QosRule
    missing = QosRuleNotFound
    kind: ClassVar[QosRuleKind]

    @policy("network:qos_rules:list")
    def list(self, policy_id: Identifier, listing: Listing = EVERYTHING) -> Page[QosRule]:
        """Return the rules of a policy; raise QosPolicyNotFound."""
        of = QosPolicyManager(self.context).get(policy_id)
        return self._page(listing, self._rows().filter(qos_policy=of, kind=self.kind))

    @policy("network:qos_rules:get")
    def get(self, policy_id: Identifier | None, rule_id: Identifier) -> QosRule:
        """Return a rule; raise QosPolicyNotFound, QosRuleNotFound."""
        row = self._get(rule_id)
        of = row.qos_policy if policy_id is None else QosPolicyManager(self.context).get(policy_id)
        if row.qos_policy_id != of.id or row.kind != self.kind:
            raise QosRuleNotFound(rule_id)
        return row

    @policy("network:qos_rules:create")
    def create(
        self,
        policy_id: Identifier,
        *,
        direction: str = "",
        description: str = "",
        max_kbps: int | None = None,
        max_burst_kbps: int = 0,
        dscp_mark: int | None = None,
        project_id: str | None = None,
    ) -> QosRule:
        """Add a rule; raise QosPolicyNotFound, QoSRulesConflict, QosRuleNotSupported."""
        if self.kind not in offered_kinds():
            raise QosRuleNotSupported(self.kind)
        with transaction.atomic():
            of = self._changing_policy(policy_id, "network:qos_rules:create")
            row = QosRule(
                project_id=of.project_id,
                qos_policy=of,
                kind=self.kind,
                direction=direction,
                description=description,
                max_kbps=max_kbps,
                max_burst_kbps=max_burst_kbps,
                dscp_mark=dscp_mark,
            )
            _check_alone(row)
            row.save(force_insert=True)
            news.qos_changed(of.id)
        return row

    @policy("network:qos_rules:create")
    def create_many(
        self, policy_id: Identifier, items: Sequence[Mapping[str, Any]]
    ) -> Sequence[QosRule]:
        """Make all of them or none."""
        with transaction.atomic():
            return [self.create(policy_id, **item) for item in items]

    @policy("network:qos_rules:update")
    def update(
        self,
        policy_id: Identifier | None,
        rule_id: Identifier,
        *,
        if_revision: int | None = None,
        **changes: Unpack[QosRuleChanges],
    ) -> QosRule:
        """Change a rule; raise QosRuleNotFound, QoSRulesConflict."""
        row = self.get(policy_id, rule_id)
        with transaction.atomic():
            of = self._changing_policy(row.qos_policy_id, "network:qos_rules:update")
            row = self._changing(row, if_revision)
            for name, value in changes.items():
                setattr(row, name, value)
            _check_alone(row)
            row.save(update_fields=list(changes)) if changes else None
            news.qos_changed(of.id)
        return row

    @policy("network:qos_rules:delete")
    def delete(
        self,
        policy_id: Identifier | None,
        rule_id: Identifier,
        *,
        if_revision: int | None = None,
    ) -> None:
        """Take a rule away: nothing is held to it any more."""
        row = self.get(policy_id, rule_id)
        with transaction.atomic():
            of = self._changing_policy(row.qos_policy_id, "network:qos_rules:delete")
            self._changing(row, if_revision).delete()
            news.qos_changed(of.id)

    def _changing_policy(self, policy_id: Identifier, name: str) -> QosPolicy:
        """Return the policy, its row locked until the transaction ends; raise QosPolicyNotFound."""
        of = QosPolicyManager(self.context).get(policy_id)
        if not self._owns(of):
            raise PolicyNotAuthorized(name)
        if not QosPolicy.objects.filter(id=of.id).touch():
            raise QosPolicyNotFound(policy_id)
        return of


class BandwidthLimitRuleManager(QosRuleManager):
    """Limits of how much passes."""

    kind = QosRuleKind.BANDWIDTH_LIMIT


class DscpMarkingRuleManager(QosRuleManager):
    """Marks of what is sent."""

    kind = QosRuleKind.DSCP_MARKING


class QosRuleTypeManager(Manager):
    """The types of rules that all hosts can enforce."""

    @policy("network:qos_rule_types:list")
    def list(self) -> Sequence[str]:
        """Return their names."""
        return offered_kinds()

    @policy("network:qos_rule_types:get")
    def get(self, name: str) -> tuple[str, Sequence[str]]:
        """Return a type, and the drivers of the hosts that enforce it; raise QosRuleTypeNotFound."""
        if name not in offered_kinds():
            raise QosRuleTypeNotFound(name)
        return name, sorted({*Agent.objects.values_list("driver", flat=True)} - {""})


def offered_kinds() -> Sequence[str]:
    """Return the kinds that every host's driver can do; all while no host has said what its can.

    A host that was taken out of the cloud does not count.
    """
    here = [one.host for one in services.sightings(DOMAIN)]
    agents = Agent.objects.filter(host__in=here)
    able = [{*said} for said in agents.values_list("capabilities", flat=True)]
    return [kind for kind in QosRuleKind.values if all(kind in one for one in able)]


def _check_alone(row: QosRule) -> None:
    same = QosRule.objects.filter(qos_policy=row.qos_policy_id, kind=row.kind)
    other = same.filter(direction=row.direction).exclude(id=row.id).first()
    if other is not None:
        raise QoSRulesConflict(kind=row.kind, policy_id=row.qos_policy_id, rule_id=other.id)
