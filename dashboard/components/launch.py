"""What the launch page offers."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dashboard.components.usage import Bar
from image.formats import BOOTABLE, opened_as
from network.traffic import KINDS

if TYPE_CHECKING:
    from compute.manager.zones import Zone
    from compute.models import Flavor
    from image.models import Image
    from instances.models import Instance, KeyPair
    from network.models import Network, SecurityGroup

GIB = 1024**3
#: What the images are listed by, so that others do not fill the page.
BOOTABLE_IMAGES = {"status": ("active",), "disk_format": tuple(sorted(BOOTABLE))}


@dataclass(frozen=True, slots=True)
class ImageCard:
    """An image to boot; ``least_disk`` is the smallest flavor disk in GiB that holds it."""

    id: str
    name: str
    size: int
    public: bool
    min_ram: int
    least_disk: int


@dataclass(frozen=True, slots=True)
class FlavorCard:
    """A size; ``over`` names the quotas that it would exceed."""

    id: str
    name: str
    vcpus: int
    ram: int
    disk: int
    over: Sequence[str]

    @property
    def fits(self) -> bool:
        """Tell whether the quota has room for one."""
        return not self.over


@dataclass(frozen=True, slots=True)
class GroupChoice:
    """A security group; ``value`` is its name, its id where two have the name."""

    value: str
    id: str
    name: str
    description: str


@dataclass(frozen=True, slots=True)
class NetworkCard:
    """A network to be on; ``reachable`` from outside."""

    id: str
    name: str
    cidrs: Sequence[str]
    shared: bool
    reachable: bool


@dataclass(frozen=True, slots=True)
class Offer:
    """All of it."""

    images: Sequence[ImageCard]
    flavors: Sequence[FlavorCard]
    networks: Sequence[NetworkCard]
    keys: Sequence[KeyPair]
    groups: Sequence[GroupChoice]
    zones: Sequence[Zone]
    server_groups: Sequence[tuple[str, str]]
    bars: Sequence[Bar]


def image_cards(images: Sequence[Image]) -> Sequence[ImageCard]:
    """Return the images hosts can boot: those with data that is a disk."""
    return [
        ImageCard(
            id=str(image.id),
            name=image.name or str(image.id),
            size=image.size,
            public=image.visibility == "public",
            min_ram=image.min_ram,
            least_disk=max(image.min_disk, -(-image.virtual_size // GIB)),
        )
        for image in images
        if image.size and opened_as(image.disk_format, image.container_format)
    ]


def network_cards(networks: Sequence[Network]) -> Sequence[NetworkCard]:
    """Return the networks, those first that are reachable from outside."""
    cards = [
        NetworkCard(
            str(network.id),
            network.name or str(network.id),
            [subnet.cidr for subnet in network.subnets.all()],
            network.is_shared,
            network.is_reachable,
        )
        for network in networks
    ]
    return sorted(cards, key=lambda card: not card.reachable)


def flavor_cards(flavors: Sequence[Flavor], usage: Sequence[Bar]) -> Sequence[FlavorCard]:
    """Return the sizes, each with what of the quota it would exceed."""
    left = {bar.name: bar.left for bar in usage}
    cards = []
    for flavor in flavors:
        needs = {"instances": 1, "cores": flavor.vcpus, "ram": flavor.ram}
        names = {"instances": "servers", "cores": "vCPUs", "ram": "memory"}
        over = []
        for name, wanted in needs.items():
            room = left[name]
            if room is not None and wanted > room:
                over.append(names[name])
        cards.append(
            FlavorCard(flavor.id, flavor.name, flavor.vcpus, flavor.ram, flavor.disk, over)
        )
    return cards


def group_choices(groups: Sequence[SecurityGroup]) -> Sequence[GroupChoice]:
    """Return the groups by the word a server is asked for them with."""
    names = Counter(group.name for group in groups)
    return [
        GroupChoice(
            group.name if names[group.name] == 1 else str(group.id),
            str(group.id),
            group.name,
            group.description,
        )
        for group in groups
    ]


def again(offer: Offer, instance: Instance, *, user_data: str | None) -> dict[str, Any]:
    """Return what to choose for another server like this one, as far as it is still offered."""
    networks = instance.network_ids
    worn = [group for group in offer.groups if {group.name, group.id} & {*instance.security_groups}]
    kinds = {kind.group_name: kind.name for kind in KINDS.values()}
    chosen: dict[str, Any] = {
        "name": instance.name,
        "image": instance.image_id,
        "flavor": instance.flavor_id,
        "networks": [card.id for card in offer.networks if card.id in networks],
        "key": instance.key_name or "",
        "let_in": [kinds[group.name] for group in worn if group.name in kinds],
        "groups": [group.value for group in worn if group.name not in kinds],
        "zone": instance.wanted_zone,
        "user_data": base64.b64decode(user_data).decode(errors="replace") if user_data else "",
    }
    known = {
        "image": {card.id for card in offer.images},
        "flavor": {card.id for card in offer.flavors},
    }
    for name, ids in known.items():
        if chosen[name] not in ids:
            del chosen[name]
    return chosen
