"""What goes wrong with security groups. Clients of the network API see the class names as error types."""

from __future__ import annotations

from cloudweb.exceptions import BadRequest, Conflict
from network.exceptions import Missing


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


class DefaultSecurityGroupRuleNotFound(Missing):
    """No such rule."""

    code = "default_security_group_rule_not_found"
    noun = "Default security group rule"


class DefaultSecurityGroupRuleExists(Conflict):
    """New groups have a rule that says the same."""

    code = "default_security_group_rule_exists"
    default_message = "Default Security Group rule already exists."


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
