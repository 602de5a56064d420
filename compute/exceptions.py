"""What goes wrong with flavors, hosts and placement."""

from __future__ import annotations

from collections.abc import Mapping

from cloudweb.exceptions import BadRequest, CloudwebError, Conflict, NotFound, NotYet
from cloudweb.holdings import listed


class FlavorNotFound(NotFound):
    """No such flavor, or a private one the caller's project has no access to."""

    code = "flavor_not_found"

    def __init__(self, flavor_id: str) -> None:
        super().__init__(f"Flavor {flavor_id} could not be found.")


class FlavorInUse(Conflict):
    """Something that hangs on the flavor keeps it from being deleted."""

    code = "flavor_in_use"

    def __init__(self, flavor_id: object, *, holdings: Mapping[str, int]) -> None:
        super().__init__(f"Flavor {flavor_id} is in use by {listed(holdings)}.")


class FlavorExists(Conflict):
    """A flavor's id and name are each unique in the cloud."""

    code = "flavor_exists"


class FlavorExtraSpecNotFound(NotFound):
    """The flavor has no such extra spec."""

    code = "flavor_extra_spec_not_found"

    def __init__(self, *, flavor_id: str, key: str) -> None:
        super().__init__(f"Flavor {flavor_id} has no extra specs with key {key}.")


class FlavorAccessExists(Conflict):
    """The project has access to the flavor already."""

    code = "flavor_access_exists"


class FlavorAccessNotFound(NotFound):
    """The project has no access to the flavor, or the flavor is public and keeps no list."""

    code = "flavor_access_not_found"


class FlavorIsPublic(Conflict):
    """Everybody has access to a public flavor, so none can be granted."""

    code = "flavor_is_public"
    default_message = "Can not add access to a public flavor."


class HostNotFound(NotFound):
    """No such host."""

    code = "host_not_found"

    def __init__(self, name: str) -> None:
        super().__init__(f"Host {name} could not be found.")


class HostInUse(Conflict):
    """The host still holds servers, so it cannot leave the cloud."""

    code = "host_in_use"


class HostIsUp(Conflict):
    """The host reports, so what is for dead ones alone is not done to it."""

    code = "host_is_up"

    def __init__(self, name: str) -> None:
        super().__init__(f"Compute service of {name} is still in use.")


class HostIsDown(Conflict):
    """The host does not report, so it cannot do its part."""

    code = "host_is_down"

    def __init__(self, name: str) -> None:
        super().__init__(f"Host {name} is down: what is on it can only be evacuated.")


class HostNotProvenDead(Conflict):
    """The host is silent, which is no proof that its guests do not run."""

    code = "host_not_proven_dead"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"Host {name} is down, but it is not known to be off: switch it off by its power control, "
            "or confirm that it is off."
        )


class HostHasNoFence(Conflict):
    """Nobody said how the host's power is controlled."""

    code = "host_has_no_fence"

    def __init__(self, name: str) -> None:
        super().__init__(f"Host {name} has no fence settings: nobody said how it is switched off.")


class HypervisorNotFound(NotFound):
    """No such hypervisor."""

    code = "hypervisor_not_found"

    def __init__(self, hypervisor_id: str) -> None:
        super().__init__(f"No hypervisor matching '{hypervisor_id}' could be found.")


class ServiceNotFound(NotFound):
    """No such service."""

    code = "service_not_found"


class HypervisorDown(BadRequest):
    """The host is down, so there is nothing to tell of it now."""

    code = "hypervisor_down"

    def __init__(self, host: str) -> None:
        super().__init__(f"Compute service of {host} is unavailable at this time.")


class AggregateNotFound(NotFound):
    """No such aggregate."""

    code = "aggregate_not_found"

    def __init__(self, aggregate_id: object) -> None:
        super().__init__(f"Aggregate {str(aggregate_id)[:80]} could not be found.")


class AggregateExists(Conflict):
    """A name is that of one aggregate."""

    code = "aggregate_exists"

    def __init__(self, name: str) -> None:
        super().__init__(f"Aggregate {name} already exists.")


class AggregateHostExists(Conflict):
    """The host is in the aggregate already."""

    code = "aggregate_host_exists"

    def __init__(self, name: str, host: str) -> None:
        super().__init__(f"Aggregate {name} already has host {host}.")


class AggregateHostNotFound(NotFound):
    """The host is not in the aggregate."""

    code = "aggregate_host_not_found"

    def __init__(self, name: str, host: str) -> None:
        super().__init__(f"Aggregate {name} has no host {host}.")


class AggregateConflict(Conflict):
    """A host cannot be in two zones, nor leave one with servers on it."""

    code = "aggregate_conflict"


class AggregateInvalid(BadRequest):
    """What an aggregate has stands against the change."""

    code = "aggregate_invalid"

    def __init__(self, action: str, name: str, reason: str) -> None:
        super().__init__(f"Cannot perform action '{action}' on aggregate {name}. Reason: {reason}.")


class ServiceNotManaged(BadRequest):
    """A service of the control plane cannot be disabled: any number run, and any of them will do."""

    code = "service_not_managed"


class NoValidHost(CloudwebError):
    """No host fits a server.

    ``message`` says why without naming a host; ``detail`` is the whole story for operators.
    """

    code = "no_valid_host"
    default_message = "No valid host was found."


class SuitableHostsDown(NoValidHost, NotYet):
    """Hosts would fit a server, but all of them are down: one may come back (OPERATIONS 44)."""


class GuestTopologyInvalid(BadRequest):
    """What flavor and image say of a guest's processors and memory contradicts itself or means nothing."""

    code = "guest_topology_invalid"
