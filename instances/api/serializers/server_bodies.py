"""What clients may send about servers, and from which microversion on."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationInfo,
)
from pydantic_core import PydanticCustomError

from cloudweb.addresses import parse_address
from cloudweb.api.fields import Body, IpAddress, LooseBool, Name
from cloudweb.exceptions import InvalidInput
from cloudweb.microversions import Microversion, version_of
from cloudweb.microversions.compute import since, until
from cloudweb.names import no_control_characters
from instances.conf import MAX_TAGS

_HOSTNAME = re.compile(r"^[a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?\Z")


#: Networks must be said, and words may say them.
WORDS_FOR_NETWORKS = since(37)
DOMAINS = since(94)


def _networks(value: Any, info: ValidationInfo) -> Any:
    version = version_of(info)
    if isinstance(value, str) and version is not None and version not in WORDS_FOR_NETWORKS:
        raise PydanticCustomError("networks", "It must be a list")
    return value


def _without_domain(value: Any, info: ValidationInfo) -> Any:
    version = version_of(info)
    if isinstance(value, str) and "." in value and version is not None and version not in DOMAINS:
        raise PydanticCustomError("hostname", "It is no host name")
    return value


def _hostname(value: str) -> str:
    if len(value) > 253 or not all(map(_HOSTNAME.fullmatch, value.split("."))):
        raise ValueError("It is no host name")
    return value.lower()


def _address(version: int) -> Any:
    def check(value: str) -> str:
        if not value:
            return value
        found = parse_address(value)
        if found.version != version:
            raise ValueError(f"It is no IPv{version} address")
        return str(found)

    return check


def read_count(value: Any) -> Any:
    """Read a count that clients may write as a string."""
    return int(value) if isinstance(value, str) and value.isascii() and value.isdigit() else value


Hostname = Annotated[str, AfterValidator(_hostname), BeforeValidator(_without_domain)]
IPv4 = Annotated[str, AfterValidator(_address(4))]
IPv6 = Annotated[str, AfterValidator(_address(6))]
Count = Annotated[int, Field(ge=1), BeforeValidator(read_count)]
#: GiB; no volume of any back end is as large as the limit.
VolumeSize = Annotated[int, Field(ge=0, le=2**31 - 1), BeforeValidator(read_count)]
Description = Annotated[str, StringConstraints(max_length=255)]
Items = dict[
    Annotated[str, StringConstraints(min_length=1, max_length=255)],
    Annotated[str, StringConstraints(max_length=255)],
]
DiskConfig = Literal["AUTO", "MANUAL"]
Tag = Annotated[
    str,
    StringConstraints(min_length=1, max_length=60, pattern=r"^[^,/]+$"),
    AfterValidator(no_control_characters),
]


class NetworkWish(Body):
    """One element of ``networks``."""

    uuid: UUID | None = None
    port: UUID | None = None
    fixed_ip: IpAddress | None = None
    tag: Tag | None = None


class GroupName(Body):
    """One element of ``security_groups``: a name or an id."""

    name: Name


class BlockDevice(Body):
    """One element of ``block_device_mapping_v2``."""

    boot_index: int | None = None
    uuid: UUID | None = None
    source_type: Literal["image", "volume", "snapshot", "blank"] | None = None
    destination_type: Literal["local", "volume"] | None = None
    volume_size: VolumeSize | None = None
    delete_on_termination: LooseBool | None = None
    device_name: Annotated[str, StringConstraints(max_length=255)] | None = None
    device_type: str | None = None
    disk_bus: str | None = None
    guest_format: str | None = None
    no_device: Any = None
    tag: Tag | None = None
    volume_type: Annotated[Name | None, since(67)] = None


class OlderBlockDevice(Body):
    """One element of ``block_device_mapping``, the first version of it."""

    device_name: Annotated[str, StringConstraints(max_length=255)] | None = None
    volume_id: UUID | None = None
    snapshot_id: UUID | None = None
    volume_size: VolumeSize | None = None
    virtual_name: str | None = None
    delete_on_termination: LooseBool | None = None
    no_device: Any = None
    connection_info: Any = None


class InjectedFile(Body):
    """One element of ``personality``: a file for the config drive, its contents as base64."""

    path: Annotated[str, StringConstraints(min_length=1), AfterValidator(no_control_characters)]
    contents: str


class ServerCreate(Body):
    """The ``server`` of POST /servers."""

    name: Name
    flavorRef: str = Field(min_length=1, max_length=2048)  # noqa: N815 - the wire's name
    imageRef: str | None = None  # noqa: N815
    adminPass: Annotated[str, StringConstraints(min_length=1, max_length=255)] | None = None  # noqa: N815
    metadata: Items | None = None
    networks: Annotated[
        tuple[NetworkWish, ...] | Literal["auto", "none"] | None, BeforeValidator(_networks)
    ] = None
    disk_config: DiskConfig = Field("MANUAL", alias="OS-DCF:diskConfig")
    accessIPv4: IPv4 = ""  # noqa: N815
    accessIPv6: IPv6 = ""  # noqa: N815
    personality: Annotated[tuple[InjectedFile, ...], until(56)] = ()
    availability_zone: Name | None = None
    block_device_mapping: tuple[OlderBlockDevice, ...] = ()
    block_device_mapping_v2: tuple[BlockDevice, ...] = ()
    config_drive: LooseBool | Literal[""] | None = None
    key_name: Name | None = None
    min_count: Count | None = None
    max_count: Count | None = None
    return_reservation_id: LooseBool = False
    security_groups: tuple[GroupName, ...] = ()
    user_data: str | None = None
    description: Annotated[Description | None, since(19)] = None
    tags: Annotated[tuple[Tag, ...], Field(max_length=MAX_TAGS), since(52)] = ()
    trusted_image_certificates: Annotated[tuple[str, ...] | None, since(63)] = None
    host: Annotated[Name | None, since(74)] = None
    hypervisor_hostname: Annotated[Name | None, since(74)] = None
    hostname: Annotated[Hostname | None, since(90)] = None


class SchedulerHints(Body):
    """What stands beside ``server``: near what or whom it is to be; words of no meaning are kept."""

    model_config = ConfigDict(extra="allow")

    group: UUID | None = None
    same_host: UUID | tuple[UUID, ...] = ()
    different_host: UUID | tuple[UUID, ...] = ()
    query: str | dict[str, Any] = ""
    target_cell: Name | None = None
    different_cell: Name | tuple[Name, ...] = ()
    build_near_host_ip: IpAddress | None = None
    cidr: Annotated[str, StringConstraints(pattern=r"^/[0-9a-f.:]{1,64}$")] = ""


#: Its keys, of which the first that is there is heard.
HINTS = ("os:scheduler_hints", "OS-SCH-HNT:scheduler_hints")


class ServerUpdate(Body):
    """The ``server`` of PUT /servers/{id}."""

    name: Name | None = None
    accessIPv4: IPv4 | None = None  # noqa: N815
    accessIPv6: IPv6 | None = None  # noqa: N815
    disk_config: DiskConfig | None = Field(None, alias="OS-DCF:diskConfig")
    description: Annotated[Description | None, since(19)] = None
    hostname: Annotated[Hostname | None, since(90)] = None


class MetadataBody(Body):
    """``{"metadata": {...}}``."""

    metadata: Items


class MetadataItem(Body):
    """``{"meta": {key: value}}``."""

    meta: Annotated[Items, Field(min_length=1, max_length=1)]


def check_networks(body: Mapping[str, Any], version: Microversion) -> None:
    """Raise InvalidInput for a server that says nothing of networks, from 2.37 on."""
    if version in WORDS_FOR_NETWORKS and "networks" not in body:
        raise InvalidInput(
            field="networks", value=None, reason="'networks' is a required property."
        )
