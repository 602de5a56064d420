"""Servers switched on and off, and halted in between."""

from __future__ import annotations

from cloudweb.policy import policy
from instances.actions.power import (
    HARD_REBOOT,
    PAUSE,
    REBOOT,
    RESUME,
    START,
    STOP,
    SUSPEND,
    UNPAUSE,
)
from instances.manager.acting import InstanceActs


class InstancePower(InstanceActs):
    """Start, stop, reboot, pause and suspend."""

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

    @policy(PAUSE.policy)
    def pause(self, instance_id: str) -> None:
        """Halt a running server; it keeps its memory."""
        self._act(instance_id, PAUSE)

    @policy(UNPAUSE.policy)
    def unpause(self, instance_id: str) -> None:
        """Let a paused server go on."""
        self._act(instance_id, UNPAUSE)

    @policy(SUSPEND.policy)
    def suspend(self, instance_id: str) -> None:
        """Write a running server's memory to its host's disk and end its guest."""
        self._act(instance_id, SUSPEND)

    @policy(RESUME.policy)
    def resume(self, instance_id: str) -> None:
        """Let a suspended server go on from its memory."""
        self._act(instance_id, RESUME)
