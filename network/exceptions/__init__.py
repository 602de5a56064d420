"""What goes wrong with networks. Clients of the network API see the class names as error types."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import ClassVar

from cloudweb.exceptions import BadRequest, CloudwebError, Conflict, NotFound


class Missing(NotFound):
    """No such resource; made with the id or name that was asked for."""

    noun: ClassVar[str]

    def __init__(self, identifier: object) -> None:
        super().__init__(f"{self.noun} {str(identifier)[:255]} could not be found.")


class NetworkNotFound(Missing):
    """No such network, or none the caller may see."""

    code = "network_not_found"
    noun = "Network"


class SubnetNotFound(Missing):
    """No such subnet."""

    code = "subnet_not_found"
    noun = "Subnet"


class PortNotFound(Missing):
    """No such port."""

    code = "port_not_found"
    noun = "Port"


class SecurityGroupNotFound(Missing):
    """No such security group."""

    code = "security_group_not_found"
    noun = "Security group"


class TrafficNotFound(Missing):
    """No such kind of traffic."""

    code = "traffic_not_found"
    noun = "Traffic"


class SecurityGroupRuleNotFound(Missing):
    """No such security group rule."""

    code = "security_group_rule_not_found"
    noun = "Security group rule"


class AgentNotFound(Missing):
    """No such agent, or none the caller may see."""

    code = "agent_not_found"
    noun = "Agent"


class ExtensionNotFound(Missing):
    """No extension with this alias or name is here."""

    code = "extension_not_found"
    noun = "Extension"


class TagNotFound(Missing):
    """The resource does not carry this tag."""

    code = "tag_not_found"
    noun = "Tag"


class AvailabilityZoneNotFound(Missing):
    """A hint names a zone that does not exist."""

    code = "availability_zone_not_found"
    noun = "AvailabilityZone"


class AddressGroupNotFound(Missing):
    """No such address group, or none the caller may see."""

    code = "address_group_not_found"
    noun = "Address group"


class AddressesNotFound(NotFound):
    """The group does not hold these addresses."""

    code = "addresses_not_found"

    def __init__(self, addresses: Collection[str], *, group_id: object) -> None:
        super().__init__(
            f"Addresses {', '.join(sorted(addresses)[:10])} not found in the address group {group_id}."
        )


class AddressesAlreadyExist(BadRequest):
    """The group holds these addresses already."""

    code = "addresses_already_exist"

    def __init__(self, addresses: Collection[str], *, group_id: object) -> None:
        super().__init__(
            f"Addresses {', '.join(sorted(addresses)[:10])} already exist in the "
            f"address group {group_id}."
        )


class AddressGroupInUse(Conflict):
    """Rules name the group."""

    code = "address_group_in_use"

    def __init__(self, group_id: object) -> None:
        super().__init__(f"Address group {group_id} is in use on one or more security group rules.")


class DefaultSecurityGroupRuleNotFound(Missing):
    """No such rule."""

    code = "default_security_group_rule_not_found"
    noun = "Default security group rule"


class DefaultSecurityGroupRuleExists(Conflict):
    """New groups have a rule that says the same."""

    code = "default_security_group_rule_exists"
    default_message = "Default Security Group rule already exists."


class AutoAllocatedTopologyNotFound(Missing):
    """The project has none."""

    code = "auto_allocated_topology_not_found"
    noun = "Auto allocated topology of project"


class AutoAllocationFailure(Conflict):
    """The operator has not said what projects' networks are made of."""

    code = "auto_allocation_failure"

    def __init__(self, reason: str) -> None:
        super().__init__(f"Deployment error: {reason}.")


class RbacPolicyNotFound(Missing):
    """No such policy, or none the caller may see."""

    code = "rbac_policy_not_found"
    noun = "RBAC policy"


class RbacPolicyInUse(Conflict):
    """Projects use the object by this policy alone."""

    code = "rbac_policy_in_use"

    def __init__(self, object_id: object, *, projects: Collection[str]) -> None:
        super().__init__(
            f"RBAC policy on object {object_id} cannot be removed because other objects depend on it. "
            f"Details: projects {', '.join(sorted(projects)[:5])} use it."
        )


class DuplicateRbacPolicy(Conflict):
    """The same is allowed already."""

    code = "duplicate_rbac_policy"
    default_message = "An RBAC policy already exists with those values."


class RevisionNumberConstraintFailed(CloudwebError):
    """The resource is no longer at the revision that If-Match names."""

    status = 412
    code = "revision_number_constraint_failed"

    def __init__(self, *, expected: int) -> None:
        super().__init__(
            f"Constrained to {expected}, but the resource has another revision number."
        )


class NetworkInUse(Conflict):
    """Ports are left on the network."""

    code = "network_in_use"

    def __init__(self, network_id: object) -> None:
        super().__init__(
            f"Unable to complete operation on network {network_id}. "
            "There are one or more ports still in use on the network."
        )


class ExternalNetworkInUse(Conflict):
    """Routers or floating IPs lead outside by the network."""

    code = "external_network_in_use"

    def __init__(self, network_id: object) -> None:
        super().__init__(
            f"External network {network_id} cannot be updated to be made non-external, "
            "since it has existing gateway ports."
        )


class FlatNetworkInUse(Conflict):
    """The physical network already carries a flat network."""

    code = "flat_network_in_use"


class SubnetInUse(Conflict):
    """Ports hold addresses of the subnet."""

    code = "subnet_in_use"

    def __init__(self, subnet_id: object) -> None:
        super().__init__(
            f"Unable to complete operation on subnet {subnet_id}: "
            "One or more ports have an IP allocation from this subnet."
        )


class PortInUse(Conflict):
    """The port serves another device."""

    code = "port_in_use"

    def __init__(self, port_id: object) -> None:
        super().__init__(f"Port {port_id} is in use.")


class ServicePortInUse(Conflict):
    """The port belongs to the cloud itself."""

    code = "service_port_in_use"

    def __init__(self, port_id: object, *, owner: str) -> None:
        super().__init__(
            f"Port {port_id} cannot be deleted directly via the port API: has device owner {owner}."
        )


class IpAddressGenerationFailure(Conflict):
    """No free address is left in the allocation pools."""

    code = "ip_address_generation_failure"

    def __init__(self, network_id: object) -> None:
        super().__init__(f"No more IP addresses available on network {network_id}.")


class IpAddressAlreadyAllocated(Conflict):
    """Another port, or the gateway, has the address."""

    code = "ip_address_already_allocated"

    def __init__(self, address: str, *, subnet_id: object) -> None:
        super().__init__(f"IP address {address} already allocated in subnet {subnet_id}.")


class MacAddressInUse(Conflict):
    """Another port of the network has the MAC address."""

    code = "mac_address_in_use"

    def __init__(self, mac: str, *, network_id: object) -> None:
        super().__init__(
            f"Unable to complete operation for network {network_id}. The mac address {mac} is in use."
        )


class GatewayConflictWithAllocationPools(Conflict):
    """A pool contains the gateway."""

    code = "gateway_conflict_with_allocation_pools"

    def __init__(self, *, pool: str, address: str) -> None:
        super().__init__(f"Gateway ip {address} conflicts with allocation pool {pool}.")


class InvalidAllocationPool(BadRequest):
    """A pool's ends are in the wrong order or of another IP version."""

    code = "invalid_allocation_pool"


class OutOfBoundsAllocationPool(BadRequest):
    """A pool reaches outside its subnet."""

    code = "out_of_bounds_allocation_pool"

    def __init__(self, *, pool: str, cidr: str) -> None:
        super().__init__(f"The allocation pool {pool} spans beyond the subnet cidr {cidr}.")


class OverlappingAllocationPools(Conflict):
    """Two pools share an address."""

    code = "overlapping_allocation_pools"

    def __init__(self, *, cidr: str) -> None:
        super().__init__(f"Found overlapping allocation pools for subnet {cidr}.")


class InvalidIpForNetwork(BadRequest):
    """The address is in none of the network's subnets."""

    code = "invalid_ip_for_network"

    def __init__(self, address: str) -> None:
        super().__init__(
            f"IP address {address} is not a valid IP for any of the subnets on the specified network."
        )


class InvalidIpForSubnet(BadRequest):
    """The address is outside its subnet, or not one a port may have."""

    code = "invalid_ip_for_subnet"

    def __init__(self, address: str) -> None:
        super().__init__(f"IP address {address} is not a valid IP for the specified subnet.")


class AllocationOnAutoAddressSubnet(BadRequest):
    """Addresses of this subnet follow from the MAC address; none can be chosen."""

    code = "allocation_on_auto_address_subnet"

    def __init__(self, address: str, *, subnet_id: object) -> None:
        super().__init__(
            f"IPv6 address {address} cannot be directly assigned to a port on subnet {subnet_id} "
            "as the subnet is configured for automatic addresses."
        )


class PortSecurityAndIPRequiredForSecurityGroups(BadRequest):
    """Security groups need port security."""

    code = "port_security_required"
    default_message = (
        "Port security must be enabled and port must have an IP address "
        "in order to use security groups."
    )


class SecurityGroupInUse(Conflict):
    """Ports are members of the group."""

    code = "security_group_in_use"

    def __init__(self, group_id: object) -> None:
        super().__init__(f"Security Group {group_id} in use.")


class SecurityGroupConflict(Conflict):
    """A port's groups are all stateful, or none is."""

    code = "security_group_conflict"
    default_message = "Cannot apply both stateful and stateless security groups on the same port at the same time."


class SecurityGroupDefaultAlreadyExists(Conflict):
    """A project has one group named default, made by the cloud."""

    code = "security_group_default_already_exists"
    default_message = "Default security group already exists."


class SecurityGroupCannotRemoveDefault(Conflict):
    """The default group is not its project's to remove."""

    code = "security_group_cannot_remove_default"
    default_message = "Insufficient rights for removing default security group."


class SecurityGroupCannotUpdateDefault(Conflict):
    """The default group keeps its name."""

    code = "security_group_cannot_update_default"
    default_message = "Updating default security group not allowed."


class SecurityGroupRuleExists(Conflict):
    """The group already has a rule that says the same."""

    code = "security_group_rule_exists"

    def __init__(self, rule_id: object) -> None:
        super().__init__(f"Security group rule already exists. Rule id is {rule_id}.")


class SecurityGroupAmbiguous(Conflict):
    """Several groups of the project have the name."""

    code = "security_group_ambiguous"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"Multiple security_group matches found for name '{name}', use an ID to be more specific."
        )


class PortBound(Conflict):
    """MAC address and device of a port do not change while a host has it."""

    code = "port_bound"

    def __init__(self, port_id: object) -> None:
        super().__init__(f"Unable to complete operation on port {port_id}, port is already bound.")


class SecurityGroupProtocolRequiredWithPorts(BadRequest):
    """Ports mean nothing without a protocol."""

    code = "security_group_protocol_required"
    default_message = "Must also specify protocol if port range is given."


class SecurityGroupInvalidPortValue(BadRequest):
    """A port, or what stands in its place for ICMP, is no number that any could have."""

    code = "security_group_invalid_port_value"

    def __init__(self, port: int) -> None:
        super().__init__(f"Invalid value for port {port}: it must be within 0 to 65535.")


class SecurityGroupInvalidPortRange(BadRequest):
    """The first port is behind the last, one is not said, or the protocol has none."""

    code = "security_group_invalid_port_range"

    def __init__(self, low: int | None, high: int | None, *, protocol: str) -> None:
        super().__init__(
            f"Invalid port range {low} to {high} for protocol {protocol}: port_range_min must be <= "
            "port_range_max, both within 1 to 65535; protocols other than TCP, UDP, SCTP, DCCP, "
            "UDPLITE and ICMP have no ports."
        )


class SecurityGroupInvalidIcmpValue(BadRequest):
    """An ICMP type or code is out of bounds."""

    code = "security_group_invalid_icmp_value"

    def __init__(self, value: int, *, field: str, attribute: str) -> None:
        super().__init__(
            f"Invalid value for ICMP {field} ({attribute}) {value}. It must be 0 to 255."
        )


class SecurityGroupMissingIcmpType(BadRequest):
    """An ICMP code stands without its type."""

    code = "security_group_missing_icmp_type"

    def __init__(self, value: int | None) -> None:
        super().__init__(
            f"ICMP code (port_range_max) {value} is provided but ICMP type (port_range_min) is missing."
        )


class SecurityGroupRuleInvalidProtocol(BadRequest):
    """No such protocol."""

    code = "security_group_rule_invalid_protocol"

    def __init__(self, protocol: object) -> None:
        super().__init__(
            f"Security group rule protocol {str(protocol)[:40]} not supported. "
            "Only protocol names the kernel knows and integers from 0 to 255 are."
        )


class SecurityGroupRemoteGroupAndRemoteIpPrefix(BadRequest):
    """A rule has one kind of remote."""

    code = "security_group_two_remotes"
    default_message = "Only remote_ip_prefix or remote_group_id may be provided."


class SecurityGroupMultipleRemoteEntites(BadRequest):  # spelled so by clients
    """A rule has one kind of remote."""

    code = "security_group_multiple_remotes"
    default_message = (
        "Only remote_ip_prefix or remote_group_id or remote_address_group_id may be provided."
    )


class SecurityGroupRuleParameterConflict(BadRequest):
    """Ether type and prefix are of different IP versions."""

    code = "security_group_rule_parameter_conflict"

    def __init__(self, *, ethertype: str, prefix: str) -> None:
        super().__init__(f"Conflicting value ethertype {ethertype} for CIDR {prefix}.")


class SecurityGroupEthertypeConflictWithProtocol(BadRequest):
    """The protocol belongs to IPv6 alone."""

    code = "security_group_ethertype_conflict"

    def __init__(self, *, ethertype: str, protocol: str) -> None:
        super().__init__(f"Invalid ethertype {ethertype} for protocol {protocol}.")


class InvalidQuotaValue(Conflict):
    """A limit below what is used, where its setter wanted that refused."""

    code = "invalid_quota_value"

    def __init__(self, limits: Mapping[str, tuple[int, int]]) -> None:
        below = ", ".join(
            f"{name} {limit} (used: {used})" for name, (limit, used) in limits.items()
        )
        super().__init__(f"Limits below what is used: {below}.")
