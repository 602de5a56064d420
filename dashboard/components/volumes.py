"""What pages show of volumes, and what forms about them offer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db.models import Q

from cloudweb.context import RequestContext
from cloudweb.listing import Listing
from dashboard.components.status import Badge
from dashboard.components.usage import Bar, bars
from identity.quotas import UNLIMITED
from image.filters import ImageFilter
from image.formats import BOOTABLE
from image.manager import ImageManager
from instances.manager import InstanceManager
from volume import conf
from volume.manager import LimitsManager, VolumeManager, VolumeTypeManager
from volume.manager.reimaging import CAPABILITY as REIMAGE
from volume.states import ACTIONS, AT_REST, SETTLED, VolumeStatus, shown

if TYPE_CHECKING:
    from volume.models import Volume, VolumeType

Choices = Sequence[tuple[str, str]]
#: So many are offered to choose among.
OFFERED = 200
#: GiB that the slider goes to where neither quota nor type ends sooner.
SLIDES_TO = 1024
#: resource of the quota -> its name on the page, its unit, its icon.
SHOWN = {"volumes": ("Volumes", "", "cylinder"), "gigabytes": ("Disk space", "GiB", "database")}

_BADGES = {
    VolumeStatus.AVAILABLE: Badge("Free", "success", "check", "It is in no server."),
    VolumeStatus.IN_USE: Badge("In use", "info", "plug-connected", "A server has it."),
    VolumeStatus.RESERVED: Badge("Reserved", "info", "clock", "It is held for a server."),
    VolumeStatus.MAINTENANCE: Badge("Maintenance", "warning", "clock"),
    VolumeStatus.AWAITING_TRANSFER: Badge("Offered", "warning", "clock", "Another project may take it."),
}  # fmt: skip
_GOING_ON = {
    VolumeStatus.CREATING: "Creating",
    VolumeStatus.DOWNLOADING: "Copying its image",
    VolumeStatus.MANAGING: "Taking over",
    VolumeStatus.UNMANAGING: "Leaving the cloud",
}


def volume_badge(volume: Volume) -> Badge:
    """Return what a volume is, or what is being done to it."""
    status = VolumeStatus(volume.status)
    if status in _BADGES:
        return _BADGES[status]
    if status.value.startswith("error"):
        hint = "" if status == VolumeStatus.ERROR else str(status.label).capitalize() + "."
        return Badge("Error", "danger", "alert-triangle", hint)
    text = _GOING_ON.get(status) or str(status.label).capitalize()
    tone = "warning" if status == VolumeStatus.DELETING else "info"
    return Badge(text, tone, "loader-2", busy=True)


def is_busy(volume: Volume) -> bool:
    """Tell whether something is being done to it."""
    return volume_badge(volume).busy


def called(volume: Volume) -> str:
    """Return its name, or the id of one that has none."""
    return volume.name or str(volume.id)


def may_end(volume: Volume) -> bool:
    """Tell whether it may be deleted now, so far as its status says."""
    return volume.status == VolumeStatus.AVAILABLE or shown(volume.status).startswith("error")


def may_grow(volume: Volume) -> bool:
    """Tell whether it may grow now, so far as its status says."""
    return volume.status in AT_REST


def may_upload(volume: Volume) -> bool:
    """Tell whether it may become an image now: what is encrypted stays so."""
    return volume.status in AT_REST and not volume.encrypted


def may_reimage(volume: Volume) -> bool:
    """Tell whether an image may be written over it now: no server has it, and its back end can."""
    able = volume.pool is not None and REIMAGE in volume.pool.capabilities
    return able and volume.status in ACTIONS["reimage"].starts_in and not volume.attachments.all()


def may_retype(volume: Volume) -> bool:
    """Tell whether it may be of another type now; a group says of which types its volumes are."""
    rests = volume.status in AT_REST and volume.migration_status in SETTLED
    return rests and volume.group_id is None and volume.pool_id is not None


@dataclass(frozen=True, slots=True)
class Holder:
    """Who has a volume: a server by its name, the device it has it as, and how far that is."""

    attachment_id: str
    server_id: str
    name: str
    device: str
    status: str
    read_only: bool


def holders_of(context: RequestContext, volumes: Sequence[Volume]) -> Mapping[str, list[Holder]]:
    """Return by volume who has it; one query for the names of all servers."""
    found = [(volume, one) for volume in volumes for one in volume.attachments.all()]
    ids = {str(one.instance_id) for _, one in found if one.instance_id}
    names = InstanceManager(context).names([*ids]) if ids else {}
    holders: dict[str, list[Holder]] = {}
    for volume, one in found:
        server_id = str(one.instance_id or "")
        known = server_id in names
        name = names[server_id] if known else one.host or "somebody else"
        holder = Holder(
            attachment_id=str(one.id),
            server_id=server_id if known else "",
            name=name,
            device=one.device,
            status=one.status,
            read_only=one.mode == "ro",
        )
        holders.setdefault(str(volume.id), []).append(holder)
    return holders


def volumes_in(context: RequestContext, server_id: str) -> Sequence[Volume]:
    """Return the volumes that a server has, the newest last."""
    listing = Listing(
        where=Q(attachments__instance_id=server_id), order=("created_at", "id"), limit=OFFERED
    )
    return VolumeManager(context).list(listing).rows


def fit_for(context: RequestContext, volume: Volume) -> Choices:
    """Return the project's volumes that can take one's place in its server."""
    fits = Q(status="available", size__gte=volume.size, project_id=volume.project_id)
    listing = Listing(where=fits & ~Q(read_only=True), order=("name", "id"), limit=OFFERED)
    rows = VolumeManager(context).list(listing).rows
    return [(str(one.id), f"{called(one)} · {one.size} GiB") for one in rows]


def types_of(context: RequestContext) -> Choices:
    """Return the types that the project may use, its default first."""
    default = VolumeTypeManager(context).default(context.project_id)
    rows = VolumeTypeManager(context).list(Listing(limit=OFFERED), is_public=True).rows
    found = [(str(one.id), _described(one)) for one in rows]
    return sorted(found, key=lambda one: one[0] != str(default.id))


def type_name(kind: VolumeType) -> str:
    """Return what a type is called; the one that a cloud begins with has a name for clients only."""
    return "Default" if kind.name == conf.DEFAULT_TYPE else kind.name


def _described(kind: VolumeType) -> str:
    tells = kind.description and kind.name != conf.DEFAULT_TYPE
    return f"{type_name(kind)} · {kind.description}" if tells else type_name(kind)


def images_of(context: RequestContext) -> Choices:
    """Return the images that a volume can begin with."""
    wanted = ImageFilter(any_of={"status": ("active",)})
    found = ImageManager(context).list(wanted=wanted, order=["name"], limit=OFFERED).rows
    return [(str(one.id), one.name or str(one.id)) for one in found if one.disk_format in BOOTABLE]


def servers_of(context: RequestContext) -> Choices:
    """Return the servers that a volume may be attached to."""
    return [
        (str(one.id), one.name) for one in InstanceManager(context).list_names(limit=OFFERED).rows
    ]


@dataclass(frozen=True, slots=True)
class Space:
    """What the project's volumes take and may take in GiB; ``largest`` is the most that one may have.

    ``slides_to``: where the slider of one that has ``own`` ends.
    """

    used: int
    limit: int | None
    largest: int | None
    own: int = 0

    @property
    def left(self) -> int | None:
        """Return what may still be taken; None without a limit."""
        return None if self.limit is None else max(0, self.limit - self.used)

    @property
    def most(self) -> int | None:
        """Return how large this volume may get; None without a limit."""
        ends = [one for one in (self.largest, self._by_quota()) if one is not None]
        return min(ends, default=None)

    @property
    def slides_to(self) -> int:
        """Return where the slider ends."""
        far = max(SLIDES_TO, 2 * self.own)
        return max(self.own + 1, min(far, self.most if self.most is not None else far))

    def _by_quota(self) -> int | None:
        return None if self.left is None else self.own + self.left


def space_of(context: RequestContext, *, own: int = 0) -> Space:
    """Return the room that the project's quota leaves, seen by a volume that has ``own`` GiB of it."""
    usage = LimitsManager(context).own()
    limit, largest = usage.limits["gigabytes"], usage.limits["per_volume_gigabytes"]
    return Space(
        used=usage.used.get("gigabytes", 0),
        limit=None if limit == UNLIMITED else limit,
        largest=None if largest == UNLIMITED else largest,
        own=own,
    )


def volume_bars(context: RequestContext) -> Sequence[Bar]:
    """Return the bars of volumes on the overview."""
    return bars(LimitsManager(context).own(), SHOWN)
