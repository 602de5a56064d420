"""Servers kept from being acted on by mistake."""

from __future__ import annotations

from cloudweb import policy as policies
from cloudweb.database.clock import now
from cloudweb.policy import policy
from instances.actions.locking import LOCK, UNLOCK
from instances.manager.acting import InstanceActs
from instances.models import Instance


class InstanceLocks(InstanceActs):
    """Lock and unlock. Who locks is the owner in the server's own project, else the admin."""

    @policy(LOCK.policy)
    def lock(self, instance_id: str, *, locked_reason: str | None = None) -> None:
        """Refuse actions to all but admins from now on; the owner changes no lock that is there."""
        with self._held(instance_id, LOCK) as instance:
            if not (instance.locked_by and self._side(instance) == "owner"):
                self._set_lock(instance, by=self._side(instance), reason=locked_reason or "")

    @policy(UNLOCK.policy)
    def unlock(self, instance_id: str) -> None:
        """Open the server again; only admins open what an admin locked (PolicyNotAuthorized)."""
        with self._held(instance_id, UNLOCK) as instance:
            if instance.locked_by not in ("", self._side(instance)):
                policies.check(self.context, "compute:servers:unlock_override")
            self._set_lock(instance, by="", reason="")

    def _side(self, instance: Instance) -> str:
        return "owner" if instance.project_id == self.context.project_id else "admin"

    def _set_lock(self, instance: Instance, *, by: str, reason: str) -> None:
        Instance.objects.filter(id=instance.id).update(
            locked_by=by, locked_reason=reason, updated_at=now()
        )
