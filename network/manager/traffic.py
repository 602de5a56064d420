"""Let SSH, ping or web pages in by one click: a security group of the project made for each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction

from cloudweb.audit import note
from cloudweb.manager import Manager
from cloudweb.policy import check, policy
from network.exceptions.security_groups import TrafficNotFound
from network.manager.port import PortManager
from network.manager.security_group import SecurityGroupManager
from network.manager.security_group_rule import SecurityGroupRuleManager
from network.models import Port, SecurityGroup, SecurityGroupRule
from network.traffic import KINDS, Openness, Traffic, openness


class TrafficManager(Manager):
    """What gets in to a device, by what people call it."""

    @policy("network:security_groups:create")
    def create_group(self, kind: str, *, project_id: str | None = None) -> SecurityGroup:
        """Make the project's group that lets this traffic in; raise TrafficNotFound, QuotaExceeded.

        The caller's own project unless an operator names another.
        """
        traffic = _known(kind)
        with transaction.atomic():
            group = SecurityGroupManager(self.context).create(
                name=traffic.group_name,
                description=f"Lets {traffic.text} in from everywhere",
                project_id=project_id,
            )
            rules = [{**rule, "security_group_id": group.id} for rule in traffic.wanted_rules()]
            SecurityGroupRuleManager(self.context).create_many(rules)
        return group

    @policy("network:security_groups:list")
    def find_group(self, kind: str, *, project_id: str | None = None) -> SecurityGroup | None:
        """Return the project's group that was made for this traffic and still lets it in."""
        traffic = _known(kind)
        project = project_id or self.context.scoped_project_id
        rows = SecurityGroup.objects.visible_to(self.context).filter(project_id=project)
        named = rows.filter(name=traffic.group_name).order_by("created_at", "id")
        for group in named.prefetch_related("rules"):
            if openness(traffic, group.rules.all()) is Openness.OPEN:
                return group
        return None

    @policy("network:traffic:allow")
    def allow(self, kind: str, *, device_id: str) -> None:
        """Let this traffic in at all ports of a device, by a group of the port's own project.

        What gets in already is left as it is.

        Raises TrafficNotFound, QuotaExceeded, and what PortManager.update does.
        """
        traffic = _known(kind)
        device = {"target_kind": "server", "target_id": device_id, "target_name": ""}
        note(**device)
        check(self.context, "network:ports:update")
        rows = Port.objects.visible_to(self.context).filter(device_id=device_id)
        with transaction.atomic():
            shut = [
                port
                for port in rows.prefetch_related("security_groups__rules")
                if _of_port(port, traffic) is not Openness.OPEN
            ]
            for port in shut:
                project = port.project_id
                group = self.find_group(kind, project_id=project)
                group = group or self.create_group(kind, project_id=project)
                worn: list[Any] = [one.id for one in port.security_groups.all()]
                PortManager(self.context).update(port.id, security_group_ids=[*worn, group.id])
        note(**device)  # it is about the device, whatever was made on the way


def traffic_of(ports: Sequence[Port]) -> Mapping[str, Openness]:
    """Return from where each kind gets in at any of these ports."""
    order = [Openness.SHUT, Openness.SOME, Openness.OPEN]
    return {
        kind: max((_of_port(port, traffic) for port in ports), key=order.index)
        for kind, traffic in KINDS.items()
        if ports
    }


def _known(kind: str) -> Traffic:
    if kind not in KINDS:
        raise TrafficNotFound(kind)
    return KINDS[kind]


def _of_port(port: Port, traffic: Traffic) -> Openness:
    if not port.port_security_enabled:
        return Openness.OPEN
    rules: list[SecurityGroupRule] = []
    for group in port.security_groups.all():
        rules += group.rules.all()
    return openness(traffic, rules)
