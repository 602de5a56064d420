"""What proves that a source writes no more: its host has stopped it or is provably dead, or a human says so."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from cloudweb.context import RequestContext
from cloudweb.exceptions import CloudwebError, NotFound, NotYet
from compute.manager import HostFailureManager, HostManager
from databases import conf, fake_guest
from databases.models import DatabaseInstance, Failover
from databases.operations.rows import instance_of, parts_context
from instances.manager import InstanceManager
from instances.operations import StartInstance, StopInstance
from instances.states import PowerState, VmState
from operations.saga import Child, Run, StepFailed

#: Seconds that a guest gets to end its datastore in good order before the plug is pulled.
SOFT_STOP = 10
DARK = (
    "The old source's host says nothing and is not proven dead: this waits until it is, "
    "or until an operator confirms that the source is off."
)
PROOFS = {
    "power": "its host's power is off",
    "confirmed": "an operator confirmed that its host is off",
    "lease": "its host has fenced itself",
}


@dataclass(frozen=True, slots=True)
class Fence:
    """What proves, or will prove, that a source writes no more.

    ``stops``: its host is to stop its server first, which ``ran``.
    """

    proof: str
    stops: bool = False
    ran: bool = False
    is_certain: bool = True  # nobody but its own host could say it with more right


def server_of(instance: DatabaseInstance) -> Any:
    """Return the server of a database; None where there is none any more."""
    if instance.server_id is None:
        return None
    try:
        return InstanceManager(parts_context(instance)).get(str(instance.server_id))
    except NotFound:
        return None


def fence_of(source: DatabaseInstance, failover: Failover) -> Fence:
    """Return how a source is fenced now; raise NotYet while nobody can know that it is off."""
    server = server_of(source)
    if server is None or not server.host:
        return Fence("its server is gone")
    if HostManager(RequestContext.system()).is_up(server.host):
        ran = server.vm_state == VmState.ACTIVE
        return Fence("its host says that its server is off", stops=True, ran=ran)
    proof = HostFailureManager(RequestContext.system()).proof(server.host)
    if proof is not None:
        return Fence(PROOFS.get(proof.kind, "its host is dead"), is_certain=False)
    if failover.confirmed_at is not None:
        said = f"an operator confirmed that it is off: {failover.confirmed_reason}"
        return Fence(said[:255], is_certain=False)
    raise NotYet(DARK)


def what_is_known(source: DatabaseInstance) -> str:
    """Return what others than its guest know of a source, for those who read why it was replaced."""
    server = server_of(source)
    if server is None or not server.host:
        return "its server is gone"
    if not HostManager(RequestContext.system()).is_up(server.host):
        return "its host says nothing either"
    state = "runs" if server.power_state == PowerState.RUNNING else "is off"
    return f"its host says that its server {state}"


def stop(source: DatabaseInstance) -> Child:
    """Stop its server, as another operation."""
    return Child(StopInstance, str(source.server_id), {"timeout": SOFT_STOP})


def check_is_stopped(source: DatabaseInstance) -> None:
    """Raise StepFailed for a server that somebody has started again since it was stopped."""
    server = server_of(source)
    if server is not None and (server.vm_state, server.task_state) != (VmState.STOPPED, None):
        raise StepFailed("The source's server was started meanwhile: nothing was changed.")


def start(instance: DatabaseInstance) -> Child | None:
    """Start its server again, as another operation, where it is off."""
    server = server_of(instance)
    is_off = server is not None and server.vm_state == VmState.STOPPED
    return Child(StartInstance, str(instance.server_id)) if is_off else None


def try_to_start(instance: DatabaseInstance) -> None:
    """Begin to start its server where it is off and can be; what comes of that is seen at the server."""
    if start(instance) is not None:
        with suppress(CloudwebError), transaction.atomic():
            InstanceManager(parts_context(instance)).start(str(instance.server_id))


def note_power(instance: DatabaseInstance, *, off: bool) -> None:
    """Let a fake guest be off or boot as its server does; a real one does so by itself."""
    if conf.GUESTS == "fake":
        fake_guest.switch(instance.id, off=off)


def start_server(run: Run) -> Child | None:
    """Start the server of what is to serve again, where it is off."""
    return start(instance_of(run))


def server_started(run: Run, _answers: list[Any]) -> None:
    """Let a fake guest boot with it."""
    note_power(instance_of(run), off=False)
