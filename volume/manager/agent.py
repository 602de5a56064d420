"""The volume agents of hosts: what they report that operators must see."""

from __future__ import annotations

import uuid
from collections.abc import Mapping

from cloudweb.database.clock import now
from cloudweb.manager import Manager
from cloudweb.policy import policy
from volume.differences import WORDS, unknown
from volume.models import Agent
from volume.objects import VolumeReport

#: What is unknown of one host.
SHOWN = 100


class AgentManager(Manager):
    """Volume agents."""

    @policy("volume:agents:report")
    def report(self, told: Mapping[str, VolumeReport]) -> None:
        """Note by host what is the matter, and what lies there and nobody knows; written where it changed."""
        rows = {row.host: row for row in Agent.objects.filter(host__in=told)}
        for host, part in told.items():
            facts = {"problems": list(part.problems)}
            if part.pools is not None:  # they are told together
                facts["strays"] = list(part.strays)
            if part.held is not None:
                facts["unknown"] = _unknown(part)
            row = rows.get(host)
            if row is None:
                Agent.objects.update_or_create(host=host, defaults=facts)
            elif any(getattr(row, name) != value for name, value in facts.items()):
                Agent.objects.filter(id=row.id).update(changed_at=now(), **facts)

    @policy("volume:agents:delete")
    def delete(self, agent_id: uuid.UUID) -> None:
        """Forget an agent; a live one comes back with its next report."""
        Agent.objects.filter(id=agent_id).delete()


def _unknown(part: VolumeReport) -> list[str]:
    assert part.held is not None
    found = unknown(part.held)
    return [f"{WORDS[kind]} {one}" for kind, ids in found.items() for one in ids][:SHOWN]
