"""What goes wrong with trunks. Clients of the network API see the class names as error types."""

from __future__ import annotations

from cloudweb.exceptions import BadRequest, Conflict, NotFound
from network.exceptions import Missing


class TrunkNotFound(Missing):
    """No such trunk, or none the caller may see."""

    code = "trunk_not_found"
    noun = "Trunk"


class SubPortNotFound(NotFound):
    """The trunk does not have the port."""

    code = "subport_not_found"

    def __init__(self, port_id: object, *, trunk_id: object) -> None:
        super().__init__(f"Port {port_id} is no subport of trunk {trunk_id}.")


class TrunksNotOffered(BadRequest):
    """Some host's kernel has no VLANs."""

    code = "trunks_not_offered"
    default_message = (
        "Trunks are not offered here: not every host of this cloud can have VLANs on the network "
        "cards of servers (the kernel's module 8021q)."
    )


class TrunkDisabled(Conflict):
    """Its owner shut it against changes."""

    code = "trunk_disabled"

    def __init__(self, trunk_id: object) -> None:
        super().__init__(
            f"Trunk {trunk_id} is disabled (admin_state_up is false): enable it first."
        )


class TrunkPortInUse(Conflict):
    """The port is in a trunk already."""

    code = "trunk_port_in_use"

    def __init__(self, port_id: object, *, trunk_id: object) -> None:
        super().__init__(f"Port {port_id} is in trunk {trunk_id} already.")


class ParentPortInUse(Conflict):
    """The port is one of the cloud's own."""

    code = "parent_port_in_use"

    def __init__(self, port_id: object, *, owner: str) -> None:
        super().__init__(f"Port {port_id} belongs to {owner}: it cannot be the parent of a trunk.")


class SubPortInUse(Conflict):
    """A device has the port."""

    code = "subport_in_use"

    def __init__(self, port_id: object, *, device: str) -> None:
        super().__init__(f"Port {port_id} is in use by {device}: a subport must be free.")


class DuplicateSubPort(Conflict):
    """Another subport has the number."""

    code = "duplicate_subport"

    def __init__(self, number: int, *, trunk_id: object) -> None:
        super().__init__(f"VLAN {number} of trunk {trunk_id} is another subport's.")


class SubPortMtuGreaterThanTrunkPortMtu(Conflict):
    """What the subport's network carries does not fit into the parent's."""

    code = "subport_mtu_too_large"

    def __init__(self, port_id: object, *, mtu: int, parent_mtu: int) -> None:
        super().__init__(
            f"The network of port {port_id} has MTU {mtu}, more than the {parent_mtu} of the parent's."
        )


class PortInUseAsTrunkParent(Conflict):
    """A trunk would lose what carries it."""

    code = "port_is_trunk_parent"

    def __init__(self, port_id: object, *, trunk_id: object) -> None:
        super().__init__(f"Port {port_id} is the parent port of trunk {trunk_id}.")


class PortInUseAsSubPort(Conflict):
    """A trunk has the port."""

    code = "port_is_subport"

    def __init__(self, port_id: object, *, trunk_id: object) -> None:
        super().__init__(f"Port {port_id} is a subport of trunk {trunk_id}.")
