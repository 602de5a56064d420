"""How the sagas of volumes are drilled: on two hosts with a pool each."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.db import transaction

from cloudweb.context import RequestContext
from cloudweb.image_cache.cache import ImageCache
from operations.models import Hold, Operation
from operations.testing import Cloud, Drill, cloud
from tests.builders.identity import make_context, make_member
from tests.builders.images import RAW, make_image
from tests.builders.volumes import make_volume_type
from volume.agent import VolumeAgent
from volume.drivers.fake import FakeVolumeDriver
from volume.manager import (
    AttachmentManager,
    ConnectionManager,
    VolumeManager,
    VolumeRequest,
)
from volume.models import (
    Attachment,
    Pool,
    Snapshot,
    Volume,
    VolumeType,
    VolumeTypeEncryption,
)
from volume.operations.connect_volume import ExportVolume, UnexportVolume
from volume.operations.create_volume import CreateVolume
from volume.operations.delete_volume import DeleteVolume
from volume.operations.extend_volume import ExtendVolume
from volume.operations.hand_over import HandOver, hand_over
from volume.operations.reimage_volume import ReimageVolume
from volume.operations.unlock_volume import UnlockVolume, unlock_volumes

GIB = 1024**3


@dataclass
class World:
    """A cloud of hosts that keep volumes, and a member of a project."""

    cloud: Cloud
    context: RequestContext
    drivers: dict[str, FakeVolumeDriver] = field(default_factory=dict)

    def add_host(self, name: str) -> None:
        """Start (again) a host; its volumes are found again."""
        state, is_new = self.cloud.directory / name / "volume", name not in self.drivers
        state.mkdir(parents=True, exist_ok=True)
        driver = self.drivers[name] = FakeVolumeDriver(state, name, "fake")
        images = ImageCache(state / "images", 1 << 30)
        agents = {"volume": VolumeAgent({"fake": driver}, images, state)}
        host = self.cloud.add_host(name, agents)
        if is_new or host.reporter.is_awaited():  # one that came back has said it all already
            self.cloud.report()
            self.cloud.pump()

    @property
    def volumes(self) -> VolumeManager:
        """What its member may do."""
        return VolumeManager(self.context)

    def create(self, **wanted: Any) -> str:
        """Create a volume; return its id."""
        return str(self.volumes.create(VolumeRequest(**{"size": 1, **wanted})).id)


@contextmanager
def lab(directory: Path, *, hosts: int = 2) -> Iterator[World]:
    """Run a block in a small cloud."""
    with cloud(directory) as running:
        make_volume_type()
        made = World(running, make_context(make_member("member")))
        for number in range(hosts):
            made.add_host(f"h{number + 1}")
        yield made


def census(made: World, _subject: Any) -> dict[str, Any]:
    """Count what exists anywhere."""
    rows = Volume.objects.order_by("created_at")
    there = [state for driver in made.drivers.values() for state in driver.list()]
    promised = sum(Pool.objects.values_list("provisioned", flat=True))
    return {
        "volumes": [(row.status, row.size, row.wanted_size) for row in rows],
        "placed": sum(row.pool_id is not None for row in rows),
        "promised": promised,
        "there": sorted(state.size // GIB for state in there),
        "snapshots": Snapshot.objects.count(),
        "snapshots there": sum(len(state.snapshots) for state in there),
        "attachments": sorted(Attachment.objects.values_list("status", flat=True)),
        "exports": sum(len(driver.exports()) for driver in made.drivers.values()),
        "holds": Hold.objects.count(),
        "live": Operation.objects.exclude(state__in=("DONE", "UNDONE")).count(),
    }


def ends(*volumes: tuple[str, int, None], **counts: Any) -> dict[str, Any]:
    """Return a census of volumes that are all where their rows say, unless ``counts`` say otherwise."""
    return {
        "volumes": list(volumes),
        "placed": len(volumes),
        "promised": sum(size for _, size, _ in volumes),
        "there": sorted(size for _, size, _ in volumes),
        "snapshots": 0,
        "snapshots there": 0,
        "attachments": [],
        "exports": 0,
        "holds": 0,
        "live": 0,
        **counts,
    }


def grown(made: World, subject: Any) -> dict[str, Any]:
    """Count the same; what failed to grow may be larger than its row says, never smaller."""
    found = census(made, subject)
    said = sorted(size for _, size, _ in found["volumes"])
    there = found.pop("there")
    return {**found, "as large as said": [*map(max, there, said)] == there}


def grows(*volumes: tuple[str, int, None], **counts: Any) -> dict[str, Any]:
    """Return such a census."""
    found = ends(*volumes, **counts)
    del found["there"]
    return {**found, "as large as said": True}


NOWHERE: dict[str, Any] = {"placed": 0, "promised": 0, "there": []}


def made_already(made: World) -> str:
    """Create a volume and wait until it is there."""
    volume = made.create()
    made.cloud.settle()
    return volume


def attached(made: World) -> str:
    """Have a volume exported to a client; return the attachment's id."""
    attachment = connect(made, made_already(made))
    made.cloud.settle()
    return attachment


def connect(made: World, volume: str) -> str:
    """Start exporting a volume to a client."""
    attachments = AttachmentManager(made.context)
    connector = {"host": "h2", "ip": "10.0.0.2"}
    row = attachments.create(volume, instance_id=uuid.uuid4(), connector=connector)
    return str(row.id)


def connect_again(made: World, volume: str) -> None:
    """Start exporting it, held already or not."""
    held = Attachment.objects.filter(volume=volume).first()
    if held is None:
        connect(made, volume)
    else:
        AttachmentManager(made.context).update(str(held.id), connector={"host": "h2"})


def disconnect(made: World, attachment: Any) -> None:
    """Start cutting a client off."""
    AttachmentManager(made.context).disconnect(attachment)


def encrypt_type() -> None:
    """Encrypt the volumes of the one type there is."""
    VolumeTypeEncryption.objects.create(volume_type=VolumeType.objects.get(), provider="luks")


def locked_out(made: World) -> str:
    """Have an encrypted volume exported, and its host lose its memory."""
    encrypt_type()
    connect(made, volume := made_already(made))
    made.cloud.settle()
    for driver in made.drivers.values():
        driver.reboot()
    return volume


def ask_for_key(made: World, volume: str) -> None:
    """Let the volume's host say that it lacks the key."""
    unlock_volumes(Volume.objects.get(id=volume).pool.host, [volume])  # type: ignore[union-attr]


def give_away(made: World, attachment: Any) -> None:
    """Let the other host have the volume, as those of one storage do."""
    volume = Attachment.objects.select_related("volume").get(id=attachment).volume
    first = next(name for name, driver in made.drivers.items() if driver.list())
    volume.pool = Pool.objects.get(host=first)
    with transaction.atomic():
        hand_over(volume)
        Volume.objects.filter(id=volume.id).update(pool=Pool.objects.exclude(host=first).get())


def cut_off(made: World, _attachment: Any) -> None:
    """Start cutting it off, and hold the volume for it."""
    system = RequestContext.system()
    ConnectionManager(system).terminate(str(Volume.objects.get().id), {"host": "h2"})


def imaged(made: World) -> str:
    """Have an image to write over the only volume; return its id."""
    made_already(made)
    return str(make_image(context=made.context, data=RAW).id)


def reimage(made: World, image: Any) -> None:
    """Start writing it."""
    made.volumes.reimage(str(Volume.objects.get().id), image)


def written(made: World, image: Any) -> dict[str, Any]:
    """Count the same; tell whether what a volume is said to hold is what it holds."""
    held = [driver.read(one.id) for driver in made.drivers.values() for one in driver.list()]
    said = [f"image {row.image_id}" for row in Volume.objects.filter(status="available")]
    return {**census(made, image), "as it says": not said or said == held == [f"image {image}"]}


def force_delete(made: World, volume: Any) -> None:
    """Delete a volume whatever is done to it."""
    key = volume or str(Volume.objects.get().id)
    VolumeManager(RequestContext.system()).delete(key, force=True)


DRILLS = (
    Drill(
        saga=UnlockVolume,
        world=lab,
        prepare=locked_out,
        start=ask_for_key,
        census=census,
        done=ends(("attaching", 1, None), attachments=["attaching"], exports=1),
        undone={"volumes": [("attaching", 1, None)], "attachments": ["attaching"]},
    ),
    Drill(
        saga=CreateVolume,
        world=lab,
        start=lambda made, _: made.create(),
        census=census,
        done=ends(("available", 1, None)),
        undone=ends(("error", 1, None), **NOWHERE),
        preempt=force_delete,
        preempted=ends(),
    ),
    Drill(
        saga=DeleteVolume,
        world=lab,
        prepare=made_already,
        start=lambda made, volume: made.volumes.delete(volume),
        census=census,
        done=ends(),
        undone={"volumes": [("error_deleting", 1, None)]},
        again=force_delete,
    ),
    Drill(
        saga=ExtendVolume,
        world=lab,
        prepare=made_already,
        start=lambda made, volume: made.volumes.extend(volume, size=3),
        census=grown,
        done=grows(("available", 3, None)),
        undone=grows(("error_extending", 1, None)),
        preempt=force_delete,
        preempted=grows(),
    ),
    Drill(
        saga=ReimageVolume,
        world=lab,
        prepare=imaged,
        start=reimage,
        census=written,
        done={**ends(("available", 1, None)), "as it says": True},
        undone={**ends(("error", 1, None)), "as it says": True},
        preempt=lambda made, _: force_delete(made, None),
        preempted={**ends(), "as it says": True},
    ),
    Drill(
        saga=HandOver,
        world=lab,
        prepare=attached,
        start=give_away,
        census=census,
        done=ends(("attaching", 1, None), attachments=["attaching"], exports=1),
        undone={"volumes": [("attaching", 1, None)], "attachments": ["attaching"]},
    ),
    Drill(
        saga=ExportVolume,
        world=lab,
        prepare=made_already,
        start=connect_again,
        census=census,
        done=ends(("attaching", 1, None), attachments=["attaching"], exports=1),
        undone=ends(("attaching", 1, None), attachments=["error_attaching"]),
    ),
    Drill(
        saga=UnexportVolume,
        world=lab,
        prepare=attached,
        start=disconnect,
        census=census,
        done=ends(("available", 1, None)),
        undone={"volumes": [("in-use", 1, None)], "attachments": ["error_detaching"]},
    ),
    Drill(
        saga=UnexportVolume,
        name="kept",
        world=lab,
        prepare=attached,
        start=cut_off,
        census=census,
        done=ends(("detaching", 1, None), attachments=["detaching"]),
        undone={"volumes": [("in-use", 1, None)], "attachments": ["error_detaching"]},
    ),
)
