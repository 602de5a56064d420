"""What is answered about servers, and which microversion has what of it (contract 3.8)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, RootModel

from cloudweb.api.answers import Answer, Link
from cloudweb.microversions import Versions
from cloudweb.microversions.compute import since

ATTRIBUTE = "OS-EXT-SRV-ATTR:"
HOSTNAME = f"{ATTRIBUTE}hostname"
#: Where everybody sees the host name.
HOSTNAME_FOR_ALL = since(90)
FOR_OPERATORS = "For operators."


class BareAddress(Answer):
    """An address of a server."""

    version: Literal[4, 6]
    addr: str


class BareAddresses(RootModel[dict[str, list[BareAddress]]]):
    """Addresses by the name of their network."""


class Address(BareAddress):
    """The same with its kind and its card."""

    type: Literal["fixed", "floating"] = Field(alias="OS-EXT-IPS:type")
    mac_addr: str = Field(alias="OS-EXT-IPS-MAC:mac_addr")


class Place(Answer):
    """Something else, by its id and where it is."""

    id: str
    links: list[Link]


class FlavorCopy(Answer):
    """The flavor as it was when the server was made."""

    vcpus: int
    ram: int
    disk: int
    ephemeral: int
    swap: int
    original_name: str
    extra_specs: dict[str, str]


class Fault(Answer):
    """Why a server is in error."""

    code: int
    created: str | None
    message: str
    details: str = Field("", description=FOR_OPERATORS)


class GroupNamed(Answer):
    """A security group by its name."""

    name: str


class ServerBrief(Answer):
    """A server as a plain list shows it."""

    id: str
    name: str
    links: list[Link]


class ServerCreated(Answer):
    """The first server that a create made; its password is told this once."""

    id: str
    links: list[Link]
    disk_config: str = Field(alias="OS-DCF:diskConfig")
    security_groups: list[GroupNamed]
    password: str = Field("", alias="adminPass")


class ServersCreated(Answer):
    """What a create answers: a server, or the reservation of all where that was asked for."""

    server: ServerCreated | None = None
    reservation_id: str = ""


class ServerShown(ServerBrief):
    """A server with everything; the flavor is a link up to 2.46."""

    status: str
    tenant_id: str
    user_id: str
    metadata: dict[str, str]
    host_id: str = Field(alias="hostId")
    image: Place | Literal[""]
    flavor: Place | FlavorCopy
    created: str
    updated: str
    addresses: dict[str, list[Address]]
    access_ip_v4: str = Field(alias="accessIPv4")
    access_ip_v6: str = Field(alias="accessIPv6")
    disk_config: str = Field(alias="OS-DCF:diskConfig")
    zone: str = Field(alias="OS-EXT-AZ:availability_zone")
    config_drive: Literal["True", ""]
    key_name: str | None
    launched_at: str | None = Field(alias="OS-SRV-USG:launched_at")
    terminated_at: str | None = Field(alias="OS-SRV-USG:terminated_at")
    task_state: str | None = Field(alias="OS-EXT-STS:task_state")
    vm_state: str = Field(alias="OS-EXT-STS:vm_state")
    power_state: int = Field(alias="OS-EXT-STS:power_state")
    volumes: list[Any] = Field(alias="os-extended-volumes:volumes_attached")
    locked: Annotated[bool, since(9)]
    description: Annotated[str | None, since(19)]
    tags: Annotated[list[str], since(26)]
    certificates: Annotated[list[str] | None, since(63)] = Field(alias="trusted_image_certificates")
    locked_reason: Annotated[str | None, since(73)]
    pinned_zone: Annotated[str | None, since(96)] = Field(alias="pinned_availability_zone")
    server_groups: Annotated[list[str], since(71)] = Field(description="Of one server alone.")
    hostname: Annotated[str, since(3)] = Field(
        alias=HOSTNAME, description="For operators up to 2.89."
    )
    progress: int = Field(0, description="While something is under way, or nothing is wrong.")
    fault: Fault | None = Field(None, description="Of servers in error.")
    security_groups: list[GroupNamed] = Field([], description="Of servers with ports.")
    host: str | None = Field(None, alias=f"{ATTRIBUTE}host", description=FOR_OPERATORS)
    instance_name: str = Field("", alias=f"{ATTRIBUTE}instance_name", description=FOR_OPERATORS)
    hypervisor: str | None = Field(
        None, alias=f"{ATTRIBUTE}hypervisor_hostname", description=FOR_OPERATORS
    )
    kernel_id: Annotated[str, since(3)] = Field(
        alias=f"{ATTRIBUTE}kernel_id", description=FOR_OPERATORS
    )
    ramdisk_id: Annotated[str, since(3)] = Field(
        alias=f"{ATTRIBUTE}ramdisk_id", description=FOR_OPERATORS
    )
    launch_index: Annotated[int, since(3)] = Field(
        alias=f"{ATTRIBUTE}launch_index", description=FOR_OPERATORS
    )
    reservation_id: Annotated[str, since(3)] = Field(
        alias=f"{ATTRIBUTE}reservation_id", description=FOR_OPERATORS
    )
    root_device_name: Annotated[str, since(3)] = Field(
        alias=f"{ATTRIBUTE}root_device_name", description=FOR_OPERATORS
    )
    user_data: Annotated[str | None, since(3)] = Field(
        alias=f"{ATTRIBUTE}user_data", description=FOR_OPERATORS
    )
    host_status: Annotated[str, since(16)] = Field(description=FOR_OPERATORS)


def _extended() -> frozenset[str]:
    """Return what had come by extensions once: what an update did not answer before 2.75."""
    prefixes = ("OS-EXT-AZ:", "OS-EXT-STS:", "OS-SRV-USG:", "os-extended-volumes:", ATTRIBUTE)
    keys = {field.alias or name for name, field in ServerShown.model_fields.items()}
    plain = {"config_drive", "key_name", "security_groups", "host_status"}
    return frozenset(key for key in keys if key.startswith(prefixes)) | plain


class ServerUpdated(ServerShown):
    """What an update answers."""

    NARROWED: ClassVar[Mapping[str, Versions]] = dict.fromkeys(_extended(), since(75))


class ServerRebuilt(ServerShown):
    """What a rebuild answers; with the password, told this once."""

    NARROWED: ClassVar[Mapping[str, Versions]] = {
        **dict.fromkeys(_extended(), since(75)),
        "key_name": since(54),
    }
    password: str = Field("", alias="adminPass")


class RuleOfServer(Answer):
    """A rule in compute's older form, which knows entering traffic alone."""

    id: str
    parent_group_id: str
    ip_protocol: str | None
    from_port: int | None
    to_port: int | None
    ip_range: dict[str, str]
    group: dict[str, str]


class GroupOfServer(Answer):
    """A security group with its rules, as compute shows it."""

    id: str
    name: str
    description: str
    tenant_id: str
    rules: list[RuleOfServer]
