"""Networks, floating IPs and groups in the compute API's words (contract 3.5)."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from cloudweb.addresses import parse_block
from cloudweb.api.answers import Answer
from cloudweb.api.fields import Body, Name, Text, loose_int
from cloudweb.api.shown import Form, Of
from cloudweb.exceptions import BadRequest

Id = Annotated[str, Field(max_length=64)]
Port = Annotated[int, Field(ge=-1, le=65535), BeforeValidator(loose_int)]


class ProxiedNetwork(Answer):
    """A network: what compute had of its own networks besides stays unsaid."""

    id: Annotated[str, Form(str)]
    label: Annotated[str, Of("name")]
    cidr: Annotated[str | None, Of(lambda row: None)]


class ProxiedTenantNetwork(Answer):
    """A network of a project."""

    id: Annotated[str, Form(str)]
    label: Annotated[str, Of("name")]
    cidr: Annotated[str, Of(lambda row: "None")]


class FloatingIpWanted(Body):
    """The body of a POST."""

    pool: Name | None = None


class ProxiedFloatingIp(Answer):
    """A floating IP, and the server it leads to."""

    id: Annotated[str, Form(str)]
    ip: Annotated[str, Of("floating_ip_address")]
    pool: Annotated[str, Of(lambda row: row.floating_network.name or str(row.floating_network_id))]
    fixed_ip: Annotated[str | None, Of(lambda row: row.fixed_ip_address or None)]
    instance_id: Annotated[
        str | None, Of(lambda row: (row.fixed_port and row.fixed_port.device_id) or None)
    ]


class ProxiedPool(Answer):
    """A network that leads outside."""

    name: Annotated[str, Of(lambda row: row.name or str(row.id))]


class GroupWanted(Body):
    """The ``security_group`` of a POST or PUT."""

    name: Name
    description: Text | None = None


class RuleWanted(Body):
    """The ``security_group_rule`` of a POST."""

    parent_group_id: Id
    ip_protocol: Text | None = None
    from_port: Port | None = None
    to_port: Port | None = None
    cidr: Text | None = None
    group_id: Id | None = None

    def rule(self) -> dict[str, Any]:
        """Return the rule as networks know it; raise BadRequest for a block that is none."""
        block = self.cidr or ("" if self.group_id else "0.0.0.0/0")
        try:
            version = parse_block(block).version if block else 4
        except ValueError as error:
            raise BadRequest(f"Invalid cidr {block[:64]}.") from error
        ports = [None if port == -1 else port for port in (self.from_port, self.to_port)]
        return {
            "security_group_id": self.parent_group_id,
            "direction": "ingress",
            "ethertype": f"IPv{version}",
            "protocol": (self.ip_protocol or "").lower(),
            "port_range_min": ports[0],
            "port_range_max": ports[1],
            "remote_ip_prefix": block,
            "remote_group_id": self.group_id,
        }


class ProxiedRule(Answer):
    """A rule in compute's older form, which knows entering traffic alone."""

    id: str
    parent_group_id: str
    ip_protocol: str | None
    from_port: int | None
    to_port: int | None
    ip_range: dict[str, str]
    group: dict[str, str]


def rule(row: Any) -> dict[str, Any]:
    """Return a rule as compute shows it."""
    source = {"cidr": row.remote_ip_prefix} if row.remote_ip_prefix else {}
    return {
        "id": str(row.id),
        "parent_group_id": str(row.security_group_id),
        "ip_protocol": row.protocol or None,
        "from_port": row.port_range_min,
        "to_port": row.port_range_max,
        "ip_range": source,
        "group": {"name": row.remote_group.name, "tenant_id": row.project_id}
        if row.remote_group
        else {},
    }


def rules(group: Any) -> list[dict[str, Any]]:
    """Return the rules of a group that are about entering traffic."""
    return [rule(one) for one in group.rules.all() if one.direction == "ingress"]


class ProxiedGroup(Answer):
    """A group with what it lets in."""

    id: Annotated[str, Form(str)]
    name: str
    description: str
    tenant_id: Annotated[str, Of("project_id")]
    rules: Annotated[list[ProxiedRule], Of(rules)]
