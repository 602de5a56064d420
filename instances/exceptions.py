"""What goes wrong with servers and key pairs."""

from __future__ import annotations

import uuid

from cloudweb.exceptions import (
    BadRequest,
    Conflict,
    FeatureNotSupported,
    Forbidden,
    NotFound,
    QuotaExceeded,
    ServiceUnavailable,
)


class InstanceNotFound(NotFound):
    """No such server, or another project's."""

    code = "instance_not_found"

    def __init__(self, instance_id: str | uuid.UUID) -> None:
        super().__init__(f"Instance {instance_id} could not be found.")


class InstanceInvalidState(Conflict):
    """The server's states do not allow the action (contract 10.1's words)."""

    code = "instance_invalid_state"

    def __init__(
        self, action: str, instance_id: str | uuid.UUID, *, attr: str, state: str | None
    ) -> None:
        super().__init__(f"Cannot '{action}' instance {instance_id} while it is in {attr} {state}")


class InstanceLocked(Conflict):
    """Only an admin may act on the server while it is locked, not even who locked it."""

    code = "instance_locked"

    def __init__(self, instance_id: str | uuid.UUID) -> None:
        super().__init__(f"Instance {instance_id} is locked")


class InstanceNotReady(Conflict):
    """The server never started, so there is nothing to show."""

    code = "instance_not_ready"

    def __init__(self, instance_id: str | uuid.UUID) -> None:
        super().__init__(f"Instance {instance_id} is not ready")


class SecurityGroupCannotBeApplied(BadRequest):
    """No port of the server is filtered."""

    code = "security_group_cannot_be_applied"
    default_message = (
        "Network requires port_security_enabled and subnet associated in order to apply "
        "security groups."
    )


class SecurityGroupNotAssociated(NotFound):
    """The server has no such security group."""

    code = "security_group_not_associated"

    def __init__(self, name: str, instance_id: str | uuid.UUID) -> None:
        super().__init__(
            f"Security group {name[:80]} not associated with the instance {instance_id}"
        )


class ServerNotOnNetwork(NotFound):
    """The server has no port on the network."""

    code = "server_not_on_network"

    def __init__(self, instance_id: object, network_id: object) -> None:
        super().__init__(f"Network {network_id} could not be found for instance {instance_id}.")


class AddressNotOfServer(NotFound):
    """No port of the server has the address."""

    code = "address_not_of_server"

    def __init__(self, instance_id: object, address: str) -> None:
        super().__init__(f"Fixed IP {address} could not be found for instance {instance_id}.")


class FloatingIpUnknown(NotFound):
    """The project has no such address of outside."""

    code = "floating_ip_unknown"

    def __init__(self, address: str) -> None:
        super().__init__(f"Floating IP not found for address {address}.")


class FloatingIpNotAssociated(Conflict):
    """The address of outside does not lead to the server."""

    code = "floating_ip_not_associated"

    def __init__(self, address: str, instance_id: object) -> None:
        super().__init__(f"Floating IP {address} is not associated with instance {instance_id}.")


class NoAddressToLeadTo(BadRequest):
    """The server has no address, or not the one that was said, for one of outside to lead to."""

    code = "no_address_to_lead_to"

    def __init__(self, instance_id: object) -> None:
        super().__init__(f"No such fixed IPv4 address is associated to instance {instance_id}.")


class VolumeNotAttached(NotFound):
    """The server has no such volume."""

    code = "volume_not_attached"

    def __init__(self, volume_id: str | uuid.UUID) -> None:
        super().__init__(f"volume_id not found: {str(volume_id)[:80]}")


class VolumeCannotBeSwapped(BadRequest):
    """The hypervisor copies no volume while a guest uses it."""

    code = "volume_cannot_be_swapped"
    default_message = (
        "The server's hypervisor cannot exchange a volume in use: detach it and attach the other."
    )


class DisksStayWhileItRuns(Conflict):
    """The hypervisor of the server's host cannot give a running guest a disk."""

    code = "disks_stay_while_it_runs"

    def __init__(self, instance_id: object) -> None:
        super().__init__(
            f"Server {instance_id} runs, and its hypervisor attaches nothing to a server that runs: "
            "stop it first."
        )


class NoImagesOfServers(Conflict):
    """The hypervisor of the server's host cannot copy a disk."""

    code = "no_images_of_servers"
    default_message = "The hypervisor of this server makes no images of servers."


class InterfaceNotAttached(NotFound):
    """The server has no card of this port."""

    code = "interface_not_attached"

    def __init__(self, instance_id: object, port_id: object) -> None:
        super().__init__(f"Instance {instance_id} does not have a port with id {str(port_id)[:80]}")


class InterfaceOnItsWay(Conflict):
    """The card is coming or going already."""

    code = "interface_on_its_way"

    def __init__(self, port_id: object) -> None:
        super().__init__(f"Port {port_id} is being attached or detached already.")


class PortOfSuspendedServer(Conflict):
    """The memory that a suspended server goes on from knows the card: without its port it could not."""

    code = "port_of_suspended_server"

    def __init__(self, port_id: object, instance_id: object) -> None:
        super().__init__(
            f"Port {port_id} is a card of server {instance_id}, which is suspended and goes on with it: "
            "resume the server, then delete the port."
        )


class InterfacesStayWhileItRuns(BadRequest):
    """The hypervisor of the server's host cannot give a running guest a card."""

    code = "interfaces_stay_while_it_runs"

    def __init__(self, instance_id: object) -> None:
        super().__init__(
            f"Attaching interfaces is not supported for instance {instance_id} while it runs: stop it "
            "first."
        )


class NetworkOutOfReach(BadRequest):
    """The host of the server does not serve the network."""

    code = "network_out_of_reach"

    def __init__(self, network_id: object) -> None:
        super().__init__(f"Network {network_id} cannot be reached from the server's host.")


class PortNotUsable(BadRequest):
    """The port is another project's."""

    code = "port_not_usable"

    def __init__(self, port_id: object) -> None:
        super().__init__(f"Port {port_id} not usable for instance.")


class RootVolumeStays(Forbidden):
    """A server boots from this volume."""

    code = "root_volume_stays"
    default_message = "Cannot detach a root device volume"


class DeviceNameTaken(Conflict):
    """A disk of the server goes by this name."""

    code = "device_name_taken"

    def __init__(self, name: str) -> None:
        super().__init__(f"The supplied device path ({name[:80]}) is in use.")


class DeviceNameInvalid(BadRequest):
    """No disk is called like this."""

    code = "device_name_invalid"

    def __init__(self, name: str) -> None:
        super().__init__(f"The supplied device path ({name[:80]}) is invalid.")


class TooManyDisks(Forbidden):
    """The server has as many disks as a guest can have names for."""

    code = "too_many_disks"
    default_message = "The maximum allowed number of disk devices is exceeded."


class BlockDeviceInvalid(BadRequest):
    """What is said about disks makes no sense together."""

    code = "block_device_invalid"

    def __init__(self, reason: str) -> None:
        super().__init__(f"Block Device Mapping is Invalid: {reason}")


class InjectedFilesOverLimit(QuotaExceeded):
    """More files for the config drive, or larger ones, than the project's quota allows."""

    code = "injected_files_over_limit"


class InstanceNotRescuable(BadRequest):
    """The server cannot be started from a rescue disk."""

    code = "instance_not_rescuable"

    def __init__(self, instance_id: str | uuid.UUID, reason: str) -> None:
        super().__init__(f"Instance {instance_id} cannot be rescued: {reason}")


class UnsupportedRescueImage(BadRequest):
    """The image is none to rescue with, or asks for a disk that guests here cannot have."""

    code = "unsupported_rescue_image"

    def __init__(self, image_id: str, reason: str = "") -> None:
        said = f"Requested rescue image '{image_id}' is not supported"
        super().__init__(f"{said}: {reason}" if reason else said)


class TopologyStays(BadRequest):
    """A rebuild leaves a server where it is: its NUMA cells, processors and pages stay what they are."""

    code = "topology_stays"
    default_message = (
        "An instance's NUMA topology cannot be changed as part of a rebuild. The image provided is "
        "invalid for this instance."
    )


class ImageOfVolumeStays(BadRequest):
    """The server boots from a volume, whose content is no rebuild's to change."""

    code = "image_of_volume_stays"
    default_message = "Unable to rebuild with a different image for a volume-backed server."


class GuestAgentNotEnabled(Conflict):
    """The image does not say that QEMU's agent runs in what boots from it."""

    code = "guest_agent_not_enabled"
    default_message = "Guest agent is not enabled for the instance"


class PasswordSetFailed(Conflict):
    """The guest did not take the password."""

    code = "password_set_failed"

    def __init__(self, instance_id: str | uuid.UUID, reason: str, *, detail: str = "") -> None:
        said = f"Failed to set admin password on {instance_id} because {reason}"
        super().__init__(said, detail=detail)


class GuestDidNotObey(Conflict):
    """The hypervisor could not do to the guest what was asked."""

    code = "guest_did_not_obey"


class PostedPasswordStays(Conflict):
    """The guest has told its password; it is told once, until its user forgets it."""

    code = "posted_password_stays"
    default_message = "The password was posted already."


class DrainNotFound(NotFound):
    """The host is not drained, or was put back."""

    code = "drain_not_found"

    def __init__(self, host: str) -> None:
        super().__init__(f"Host {host[:64]} is not being drained.")


class SharedStorageMissing(BadRequest):
    """A server's own disks are files of its host, which no other host has."""

    code = "shared_storage_missing"
    default_message = "Invalid state of instance files on shared storage"


class HypervisorCannot(FeatureNotSupported):
    """The hypervisor of the server's host has no such capability."""

    code = "hypervisor_cannot"


class KeyPairNotFound(NotFound):
    """No such key pair of this user."""

    code = "key_pair_not_found"

    def __init__(self, name: str, user_id: str | None) -> None:
        super().__init__(f"Keypair {name} not found for user {user_id}")


class KeyPairExists(Conflict):
    """The user has a key pair of this name."""

    code = "key_pair_exists"

    def __init__(self, name: str) -> None:
        super().__init__(f"Key pair '{name}' already exists.")


class KeyPairInvalid(BadRequest):
    """Not a public key."""

    code = "key_pair_invalid"


class NetworkAmbiguous(Conflict):
    """The server names no network and its project has several."""

    code = "network_ambiguous"
    default_message = "Multiple possible networks found, use a Network ID to be more specific."


class FlavorDoesNotFit(BadRequest):
    """The image needs more than the flavor has."""

    code = "flavor_does_not_fit"


class TagNotFound(NotFound):
    """The server has no such tag."""

    code = "tag_not_found"

    def __init__(self, tag: str, instance_id: object) -> None:
        super().__init__(f"Server {instance_id} has no tag '{tag[:60]}'")


class CannotResizeToSameFlavor(BadRequest):
    """A resize that changes nothing."""

    code = "cannot_resize_to_same_flavor"
    default_message = "When resizing, instances must change flavor!"


class CannotResizeDisk(BadRequest):
    """No disk shrinks."""

    code = "cannot_resize_disk"

    def __init__(self, reason: str) -> None:
        super().__init__(f"Server disk was unable to be resized because: {reason}")


class CannotMigrateToSameHost(BadRequest):
    """The server is there already."""

    code = "cannot_migrate_to_same_host"
    default_message = "Cannot migrate to the host where the server exists."


class HostResizesNothing(Conflict):
    """The hypervisor of the server's host cannot."""

    code = "host_resizes_nothing"
    default_message = "The server's hypervisor resizes and moves no servers."


class NothingToDecide(NotFound):
    """The server was not resized."""

    code = "nothing_to_decide"

    def __init__(self, instance_id: str | uuid.UUID) -> None:
        super().__init__(f"Instance {instance_id} has not been resized.")


class MetadataItemNotFound(NotFound):
    """The server has no such metadata key."""

    code = "metadata_item_not_found"
    default_message = "Metadata item was not found"


class MetadataLimit(Forbidden):
    """More metadata items than the quota allows."""

    code = "metadata_limit"


class ServerGroupNotFound(NotFound):
    """No such server group, or another project's."""

    code = "server_group_not_found"

    def __init__(self, group_id: str | uuid.UUID) -> None:
        super().__init__(f"Instance group {str(group_id)[:80]} could not be found.")


class ConsoleTypeUnavailable(BadRequest):
    """The server's host shows no console of this kind."""

    code = "console_type_unavailable"

    def __init__(self, kind: str) -> None:
        super().__init__(f"Unavailable console type {kind}.")


class ConsoleTokenInvalid(NotFound):
    """The token was used, is too old, or never was one."""

    code = "console_token_invalid"
    default_message = (
        "This console's address was used already, or is too old: open the console again."
    )


class ConsoleUnreachable(ServiceUnavailable):
    """The guest's host shows nothing for now; ``next_token`` is to come back with."""

    code = "console_unreachable"

    def __init__(self, message: str, next_token: str) -> None:
        super().__init__(message)
        self.next_token = next_token
