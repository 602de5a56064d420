"""Servers switched on and off."""

from __future__ import annotations

from cloudweb.policy import policy
from instances.actions.power import HARD_REBOOT, REBOOT, START, STOP
from instances.manager.acting import InstanceActs


class InstancePower(InstanceActs):
    """Start, stop and reboot."""

    @policy(START.policy)
    def start(self, instance_id: str) -> None:
        """Start a stopped server."""
        self._act(instance_id, START)

    @policy(STOP.policy)
    def stop(self, instance_id: str) -> None:
        """Shut a server down."""
        self._act(instance_id, STOP)

    @policy(REBOOT.policy)
    def reboot(self, instance_id: str, *, hard: bool = False) -> None:
        """Reboot; a hard one goes over a soft one that is under way."""
        if hard:
            self._act(instance_id, HARD_REBOOT, kind="HARD")
        else:
            self._act(instance_id, REBOOT, kind="SOFT")
