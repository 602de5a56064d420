"""What becomes of servers after they were made."""

from __future__ import annotations

from typing import Any

from cloudweb.policy import policy
from instances.actions.lifecycle import DELETE, UPDATE
from instances.manager.acting import InstanceActs
from instances.models import Instance


class InstanceLifecycle(InstanceActs):
    """Update and delete."""

    @policy(UPDATE.policy)
    def update(self, instance_id: str, /, **changes: Any) -> Instance:
        """Change name, description, hostname, access addresses or disk config."""
        self._change(instance_id, UPDATE, **changes)
        return self.get(instance_id)

    @policy(DELETE.policy)
    def delete(self, instance_id: str) -> None:
        """Start deleting; a live operation is undone first, a second delete changes nothing."""
        self._act(instance_id, DELETE)
