"""What clients may send about servers, and from which microversion on."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints

from cloudweb.addresses import parse_address
from cloudweb.api.fields import Body, IpAddress, LooseBool, Name, Text
from cloudweb.exceptions import InvalidInput
from cloudweb.microversions import Microversion
from cloudweb.names import no_control_characters

_HOSTNAME = re.compile(r"^[a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?\Z")


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


Hostname = Annotated[str, AfterValidator(_hostname)]
IPv4 = Annotated[str, AfterValidator(_address(4))]
IPv6 = Annotated[str, AfterValidator(_address(6))]
Count = Annotated[int, BeforeValidator(read_count), Field(ge=1)]
Description = Annotated[str, StringConstraints(max_length=255)]
Items = dict[
    Annotated[str, StringConstraints(min_length=1, max_length=255)],
    Annotated[str, StringConstraints(max_length=255)],
]
DiskConfig = Literal["AUTO", "MANUAL"]
MAX_TAGS = 50
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
    volume_size: Any = None
    delete_on_termination: LooseBool | None = None
    device_name: str | None = None
    device_type: str | None = None
    disk_bus: str | None = None
    guest_format: str | None = None
    no_device: Any = None
    tag: Tag | None = None
    volume_type: str | None = None


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
    networks: tuple[NetworkWish, ...] | Literal["auto", "none"] | None = None
    disk_config: DiskConfig = Field("MANUAL", alias="OS-DCF:diskConfig")
    accessIPv4: IPv4 = ""  # noqa: N815
    accessIPv6: IPv6 = ""  # noqa: N815
    personality: tuple[InjectedFile, ...] = ()
    availability_zone: Name | None = None
    block_device_mapping: tuple[Mapping[str, Any], ...] = ()
    block_device_mapping_v2: tuple[BlockDevice, ...] = ()
    config_drive: LooseBool | Literal[""] | None = None
    key_name: Name | None = None
    min_count: Count | None = None
    max_count: Count | None = None
    return_reservation_id: LooseBool = False
    security_groups: tuple[GroupName, ...] = ()
    user_data: str | None = None
    description: Description | None = None
    tags: Annotated[tuple[Tag, ...], Field(max_length=MAX_TAGS)] = ()
    trusted_image_certificates: tuple[str, ...] | None = None
    host: Name | None = None
    hypervisor_hostname: Name | None = None
    hostname: Hostname | None = None


class ServerUpdate(Body):
    """The ``server`` of PUT /servers/{id}."""

    name: Name | None = None
    accessIPv4: IPv4 | None = None  # noqa: N815
    accessIPv6: IPv6 | None = None  # noqa: N815
    disk_config: DiskConfig | None = Field(None, alias="OS-DCF:diskConfig")
    description: Description | None = None
    hostname: Hostname | None = None


class MetadataBody(Body):
    """``{"metadata": {...}}``."""

    metadata: Items


class MetadataItem(Body):
    """``{"meta": {key: value}}``."""

    meta: Annotated[Items, Field(min_length=1, max_length=1)]


class KeyPairCreate(Body):
    """The ``keypair`` of POST /os-keypairs."""

    name: Annotated[
        str,
        StringConstraints(min_length=1, max_length=255, pattern=r"^[^/\\]+$"),
        AfterValidator(no_control_characters),
    ]
    public_key: Annotated[str, StringConstraints(max_length=16384)] | None = None
    type: Literal["ssh", "x509"] = "ssh"
    user_id: Text | None = None


#: Request keys by the version that brought them (contract 8.1).
CREATE_KEYS = {
    "description": 19,
    "tags": 52,
    "trusted_image_certificates": 63,
    "host": 74,
    "hypervisor_hostname": 74,
    "hostname": 90,
}
UPDATE_KEYS = {"description": 19, "hostname": 90}
KEY_PAIR_KEYS = {"type": 2, "user_id": 10}


def check_keys(body: Mapping[str, Any], since: Mapping[str, int], version: Microversion) -> None:
    """Raise InvalidInput for a key that the request's microversion does not have yet."""
    for key, minor in since.items():
        if key in body and version < (2, minor):
            raise InvalidInput(
                field=key, value=None, reason="Additional properties are not allowed."
            )


def check_hostname(body: Mapping[str, Any], version: Microversion) -> None:
    """Raise InvalidInput for a host name with dots before 2.94."""
    value = body.get("hostname")
    if isinstance(value, str) and "." in value and version < (2, 94):
        raise InvalidInput(field="hostname", value=value, reason="It is no host name.")


def check_gone(body: Mapping[str, Any], gone: Iterable[str]) -> None:
    """Raise InvalidInput for a key that the request's microversion has no more."""
    for key in gone:
        if key in body:
            raise InvalidInput(
                field=key, value=None, reason="Additional properties are not allowed."
            )


def check_update(body: Mapping[str, Any], version: Microversion) -> None:
    """Check what of an update's keys depends on the microversion."""
    check_keys(body, UPDATE_KEYS, version)
    check_hostname(body, version)


def check_create(body: Mapping[str, Any], version: Microversion) -> None:
    """Check what of a create's keys depends on the microversion."""
    check_keys(body, CREATE_KEYS, version)
    check_hostname(body, version)
    if version >= (2, 37) and "networks" not in body:
        raise InvalidInput(
            field="networks", value=None, reason="'networks' is a required property."
        )
    if version < (2, 37) and isinstance(body.get("networks"), str):
        raise InvalidInput(field="networks", value=body["networks"], reason="It must be a list.")
    check_gone(body, ("personality",) if version >= (2, 57) else ())
