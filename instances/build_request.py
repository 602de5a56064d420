"""What is asked for when servers are created: read once from a body or a form, checked here, passed whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cloudweb.exceptions import BadRequest, InvalidInput
from instances.block_devices import DestinationType, SourceType
from instances.conf import MAX_AT_ONCE
from instances.injected_files import InjectedFile
from instances.scheduler_hints import check_hints
from instances.user_data import check_user_data


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkRequest:
    """One card: a network (and perhaps an address of it), or a port its user brings."""

    network_id: str | None = None
    port_id: str | None = None
    fixed_ip: str | None = None
    tag: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockDeviceRequest:
    """One disk, by default the one to boot from, made from an image; as large as the flavor says."""

    source_id: str
    source_type: SourceType = SourceType.IMAGE
    destination_type: DestinationType = DestinationType.LOCAL
    boot_index: int | None = 0
    tag: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildRequest:
    """Servers that are alike: at least ``min_count``, and up to ``max_count`` as the quota allows.

    ``networks`` None: the project's own network, or the one that is shared with it; where there is
    none and ``make_network``, one is made. ``security_groups``
    are names or ids. ``user_data`` is base64. What can be wrong without a look at the database raises
    here: InvalidInput, BadRequest. Secrets stay out of what is printed.
    """

    name: str
    flavor_id: str
    block_devices: tuple[BlockDeviceRequest, ...]
    networks: tuple[NetworkRequest, ...] | None = None
    make_network: bool = False
    security_groups: tuple[str, ...] = ()
    key_name: str | None = None
    user_data: str | None = field(default=None, repr=False)
    config_drive: bool = False
    injected_files: tuple[InjectedFile, ...] = field(default=(), repr=False)
    admin_password: str | None = field(default=None, repr=False)
    metadata: Mapping[str, str] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    description: str | None = None
    hostname: str | None = None
    zone: str | None = None
    host: str | None = None
    disk_config: str = "MANUAL"
    access_ip_v4: str = ""
    access_ip_v6: str = ""
    scheduler_hints: Mapping[str, Any] = field(default_factory=dict)
    min_count: int = 1
    max_count: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.min_count <= self.max_count:
            raise BadRequest("min_count must be <= max_count")
        if self.max_count > MAX_AT_ONCE:
            reason = f"At most {MAX_AT_ONCE}."
            raise InvalidInput(field="max_count", value=self.max_count, reason=reason)
        if [device.boot_index for device in self.block_devices].count(0) != 1:
            raise BadRequest("Block Device Mapping is Invalid: one disk is to boot from.")
        self._check_networks()
        check_hints(self.scheduler_hints)
        check_user_data(self.user_data)

    def _check_networks(self) -> None:
        ports = set()
        for card in self.networks or ():
            if card.port_id is not None:
                if self.max_count > 1:
                    raise BadRequest("A port can be given to one server only.")
                if card.port_id in ports:
                    raise BadRequest(f"Port {card.port_id} is asked for twice.")
                ports.add(card.port_id)
            elif card.network_id is None:
                raise InvalidInput(
                    field="networks", value=None, reason="Each needs a uuid or a port."
                )
            elif card.fixed_ip is not None and self.max_count > 1:
                raise BadRequest("A fixed address can be given to one server only.")

    @property
    def image_id(self) -> str:
        """The image of the disk to boot from."""
        return next(one.source_id for one in self.block_devices if one.boot_index == 0)
