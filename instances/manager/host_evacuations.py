"""All servers of a dead host are built again elsewhere."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from cloudweb.context import RequestContext
from cloudweb.exceptions import CloudwebError
from cloudweb.manager import Manager
from cloudweb.policy import policy
from compute.manager import HostFailureManager, HostManager
from instances.actions.evacuating import EVACUATE
from instances.manager.draining import ARRIVED, GONE, STAYED
from instances.manager.instance import InstanceManager
from instances.migration_states import MigrationStatus, MigrationType
from instances.models import Instance, Migration


@dataclass(slots=True)
class HostEvacuation:
    """How far it is: servers by id, and why those that stay do."""

    moving: set[str] = field(default_factory=set)
    moved: set[str] = field(default_factory=set)
    stuck: dict[str, str] = field(default_factory=dict)


class HostEvacuationManager(Manager):
    """Evacuations of whole hosts; each server's is one of its own, with a migration that says how it went."""

    @policy(EVACUATE.policy)
    def start(self, host: str, *, to: str | None = None) -> HostEvacuation:
        """Start evacuating each server of a host; what cannot be says why.

        Raises HostNotFound, HostIsUp, HostNotProvenDead; NotFound for a goal that is not there.
        """
        system = RequestContext.system()
        for name in filter(None, (host, to)):
            HostManager(system).get(name)
        HostFailureManager(system).check_dead(host)
        there, found = (
            Instance.objects.filter(host=host).exclude(vm_state__in=GONE),
            HostEvacuation(),
        )
        for key in there.order_by("id").values_list("id", flat=True):
            try:
                InstanceManager(self.context).evacuate(str(key), host=to)
            except CloudwebError as error:
                found.stuck[str(key)] = error.message
            else:
                found.moving.add(str(key))
        return found

    @policy(EVACUATE.policy)
    def look(self, known: HostEvacuation) -> None:
        """See what became of those that move."""
        for server_id, row in _newest(known.moving).items():
            if row.status in (MigrationStatus.DONE, *ARRIVED):
                known.moved.add(server_id)
            elif row.status in STAYED:
                known.stuck[server_id] = row.error or "Its evacuation came to nothing."
        known.moving -= known.moved | known.stuck.keys()


def _newest(servers: Collection[str]) -> dict[str, Migration]:
    kind = MigrationType.EVACUATION
    rows = Migration.objects.filter(instance_id__in=servers, migration_type=kind).order_by("id")
    return {str(row.instance_id): row for row in rows}
