"""Who reaches a server: the security groups of its ports."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING
from uuid import UUID

from cloudweb.policy import policy
from instances.actions.security_groups import ADD_SECURITY_GROUP, REMOVE_SECURITY_GROUP
from instances.exceptions import SecurityGroupCannotBeApplied, SecurityGroupNotAssociated
from instances.manager.acting import InstanceActs
from instances.models import Instance
from network.exceptions import RevisionNumberConstraintFailed
from network.manager import PortManager, SecurityGroupManager

if TYPE_CHECKING:
    from network.models import Port

#: So often a port is looked at again that somebody else changes at the same time.
ATTEMPTS = 5


class InstanceSecurityGroups(InstanceActs):
    """Groups put on all ports of a server, and taken from them.

    No lock of the server is held over the change of a port: a deleted port takes theirs the other way
    round. Two at once on a port are told apart by its revision.
    """

    @policy(ADD_SECURITY_GROUP.policy)
    def add_security_group(self, instance_id: str, *, name: str) -> None:
        """Put a group, by its name or id, on each port that is filtered; a second time changes nothing.

        Raises SecurityGroupNotFound, SecurityGroupAmbiguous, SecurityGroupCannotBeApplied where no
        port is filtered.
        """
        instance = self._open_to(instance_id, ADD_SECURITY_GROUP)
        group = self._resolve(instance, name)
        filtered = [port for port in self._ports(instance) if port.port_security_enabled]
        if not filtered:
            raise SecurityGroupCannotBeApplied
        for port in filtered:
            self._change_groups(port.id, lambda groups: groups | {group})

    @policy(REMOVE_SECURITY_GROUP.policy)
    def remove_security_group(self, instance_id: str, *, name: str) -> None:
        """Take a group from each port that has it; raise SecurityGroupNotAssociated where none has."""
        instance = self._open_to(instance_id, REMOVE_SECURITY_GROUP)
        group = self._resolve(instance, name)
        changed = [
            self._change_groups(port.id, lambda groups: groups - {group})
            for port in self._ports(instance)
        ]
        if not any(changed):
            raise SecurityGroupNotAssociated(name, instance.id)

    def _resolve(self, instance: Instance, name: str) -> UUID:
        return SecurityGroupManager(self.context).resolve(name, instance.project_id).id

    def _ports(self, instance: Instance) -> Iterable[Port]:
        manager = PortManager(self.context)
        return [manager.get(port_id) for port_id in instance.port_ids]

    def _change_groups(self, port_id: UUID, change: Callable[[set[UUID]], set[UUID]]) -> bool:
        """Write what ``change`` makes of a port's groups; tell whether that is anything new."""
        manager = PortManager(self.context)
        for attempt in range(ATTEMPTS):
            port = manager.get(port_id)
            before = {group.id for group in port.security_groups.all()}
            after = change(before)
            if after == before:
                return False
            try:
                manager.update(
                    port_id,
                    if_revision=port.revision,
                    security_group_ids=[str(one) for one in sorted(after)],
                )
            except RevisionNumberConstraintFailed:
                if attempt == ATTEMPTS - 1:
                    raise
            else:
                return True
        return False
