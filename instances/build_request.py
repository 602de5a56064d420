"""What is asked for when servers are created: read once from a body or a form, checked here, passed whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cloudweb.exceptions import BadRequest, InvalidInput
from instances.block_devices import MADE_AT_MOST, NAMES, DestinationType, SourceType
from instances.conf import MAX_AT_ONCE
from instances.exceptions import BlockDeviceInvalid
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
    """One disk, by default the one to boot from, made from an image; as large as the flavor says.

    ``size`` in GiB, None is that of its source. What cannot be made raises BlockDeviceInvalid.
    """

    source_id: str | None = None
    source_type: SourceType = SourceType.IMAGE
    destination_type: DestinationType = DestinationType.LOCAL
    boot_index: int | None = 0
    size: int | None = None
    volume_type: str | None = None
    delete_on_termination: bool | None = None
    device: str | None = None
    tag: str | None = None

    def __post_init__(self) -> None:
        source, in_volume = self.source_type, self.is_in_volume
        if source != SourceType.BLANK and self.source_id is None:
            raise BlockDeviceInvalid(f"a disk made from a {source} must say which by its uuid.")
        if source == SourceType.BLANK and self.source_id is not None:
            raise BlockDeviceInvalid("a blank disk is made from nothing and has no uuid.")
        if source in (SourceType.VOLUME, SourceType.SNAPSHOT) and not in_volume:
            raise BlockDeviceInvalid(f"a {source} cannot become a disk on the host.")
        if source == SourceType.IMAGE and not in_volume and not self.is_root:
            raise BlockDeviceInvalid("an image becomes a disk on the host for booting alone.")
        if source in (SourceType.IMAGE, SourceType.BLANK) and in_volume and not self.size:
            raise BlockDeviceInvalid(
                f"{source}s with destination_type 'volume' need to have a non-zero size specified"
            )
        if source == SourceType.BLANK and not in_volume and not self.size:
            raise BlockDeviceInvalid("a blank disk on the host must say its size.")
        if self.volume_type is not None and not self.makes_volume:
            raise BlockDeviceInvalid("only a volume that is to be made can be of a type.")

    @property
    def is_in_volume(self) -> bool:
        """Tell whether it lies in a volume."""
        return self.destination_type == DestinationType.VOLUME

    @property
    def makes_volume(self) -> bool:
        """Tell whether a volume is made for it."""
        return self.is_in_volume and self.source_type != SourceType.VOLUME

    @property
    def is_root(self) -> bool:
        """Tell whether the server boots from it."""
        return self.boot_index == 0

    @property
    def goes_with_server(self) -> bool:
        """Tell whether it is deleted with its server; a volume only where that was said."""
        said = self.delete_on_termination
        return (not self.is_in_volume) if said is None else said


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildRequest:
    """Servers that are alike: at least ``min_count``, and up to ``max_count`` as the quota allows.

    ``networks`` None: the project's own network, or the one that is shared with it; where there is
    none and ``make_network``, one is made. ``security_groups``
    are names or ids. ``user_data`` is base64. ``image_properties`` are read by the manager. What can be
    wrong without a look at the database raises here: InvalidInput, BadRequest. Secrets stay out of
    what is printed.
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
    image_properties: Mapping[str, str] = field(default_factory=dict)
    min_count: int = 1
    max_count: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.min_count <= self.max_count:
            raise BadRequest("min_count must be <= max_count")
        if self.max_count > MAX_AT_ONCE:
            reason = f"At most {MAX_AT_ONCE}."
            raise InvalidInput(field="max_count", value=self.max_count, reason=reason)
        self._check_disks()
        self._check_networks()
        check_hints(self.scheduler_hints)
        check_user_data(self.user_data)

    def _check_disks(self) -> None:
        order = sorted(one.boot_index for one in self.block_devices if one.boot_index is not None)
        if order != list(range(len(order))) or not order:
            raise BlockDeviceInvalid(
                "Boot sequence for the instance and image/block device mapping combination is not valid."
            )
        if sum(one.makes_volume for one in self.block_devices) > MADE_AT_MOST:
            raise BlockDeviceInvalid(f"at most {MADE_AT_MOST} volumes are made for a server.")
        if len(self.block_devices) > len(NAMES) + 1:
            raise BlockDeviceInvalid("there are more disks than a guest has names for.")
        given = [
            one.source_id for one in self.block_devices if one.source_type == SourceType.VOLUME
        ]
        if len(set(given)) != len(given):
            raise BlockDeviceInvalid("a volume is asked for twice.")
        if given and self.max_count > 1:
            raise BadRequest("Cannot attach one or more volumes to multiple instances")
        tags = [one.tag for one in self.block_devices if one.tag]
        if len(set(tags)) != len(tags):
            raise BlockDeviceInvalid("a tag is given to two disks.")

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
    def root(self) -> BlockDeviceRequest:
        """The disk to boot from."""
        return next(one for one in self.block_devices if one.is_root)

    @property
    def image_id(self) -> str:
        """The image of the disk to boot from; empty where that lies in a volume."""
        return "" if self.root.is_in_volume else self.root.source_id or ""

    @property
    def has_volumes(self) -> bool:
        """Tell whether any disk lies in a volume."""
        return any(one.is_in_volume for one in self.block_devices)
