"""Things that are not as they are written down, planted in a small cloud on fake drivers; and a look at it."""

from __future__ import annotations

import uuid
from datetime import timedelta

from django.db.models import F

from cloudweb.context import RequestContext
from cloudweb.driver import Unguarded
from compute.drivers.fake import FakeGuest
from compute.models import Claim, Host
from instances.models import Instance
from network.manager import PortManager
from network.models import Port
from reconciliation.manager import DifferenceManager
from reconciliation.models import Difference
from tests.builders.instances import Lab
from volume.backups.objects import BackupPoint
from volume.drivers.fake import FakeVolumeDriver
from volume.manager import AttachmentManager
from volume.models import Pool, Volume
from volume.objects import Leftover, SnapshotRef, VolumeRef, VolumeSpec

GIB = 1024**3


def let_time_pass(by: timedelta) -> None:
    """Let everything that is compared have happened so much earlier."""
    Instance.objects.update(updated_at=F("updated_at") - by)
    Claim.objects.update(created_at=F("created_at") - by)
    Port.objects.update(updated_at=F("updated_at") - by)
    Volume.objects.update(updated_at=F("updated_at") - by)
    Difference.objects.update(
        first_seen=F("first_seen") - by, last_seen=F("last_seen") - by, heal_at=F("heal_at") - by
    )


def look(made: Lab, *, cycles: int = 1) -> None:
    """Let every host look at what it has, and the control plane at its rows."""
    for _ in range(cycles):
        let_time_pass(timedelta(minutes=2))
        for name, host in made.cloud.hosts.items():
            if name in made.cloud.dead:
                continue
            host.agents["compute"].survey()  # type: ignore[attr-defined]
            host.agents["volume"].tidy()  # type: ignore[attr-defined]
            host.report(init=True)
            made.cloud.pump()
        DifferenceManager(RequestContext.system()).look_at_rows()


def found() -> set[str]:
    """Return the kinds of what is no chance."""
    return {*Difference.objects.confirmed().values_list("kind", flat=True)}


def stray_guest(made: Lab, host: str = "h1", **facts: object) -> str:
    """Let a host have a guest, or what is left of one, that nobody ordered; return its id."""
    guest = FakeGuest(**{"id": str(uuid.uuid4()), "name": "stray", "ram": 64, **facts})  # type: ignore[arg-type]
    made.guests[host]._guests[guest.id] = guest
    return guest.id


def plant_everything(made: Lab) -> dict[str, str]:
    """Plant one difference of each kind in a cloud of two hosts; return what of by its kind."""
    running = {"defined": True, "power_state": "running"}
    planted = {
        "guest_unknown": stray_guest(made, **running),
        "guest_files": stray_guest(made),
    }
    servers = iter(made.create(name=f"s{number}") for number in range(9))

    server = next(servers)
    where = Instance.objects.get(id=server).host
    other = {"h1": "h2", "h2": "h1"}[where]
    planted["guest_elsewhere"] = stray_guest(made, other, **{**running, "id": server})

    def guest_of(server_id: str) -> FakeGuest:
        host = Instance.objects.get(id=server_id).host
        return made.guests[host]._guests[server_id]

    server = planted["guest_missing"] = next(servers)
    made.guests[Instance.objects.get(id=server).host].lose(server)
    server = planted["guest_power"] = next(servers)
    guest_of(server).power_state = "paused"
    server = next(servers)
    guest_of(server).taps.clear()
    planted["card_missing"] = str(Instance.objects.get(id=server).ports.get().port_id)
    guest_of(next(servers)).taps.append("cw-nobody")
    planted["card_unknown"] = "cw-nobody"

    volume = made.make_volume()
    server = next(servers)
    answer = made.send(
        "POST",
        f"/servers/{server}/os-volume_attachments",
        {"volumeAttachment": {"volumeId": volume}},
    )
    assert answer.status_code == 200, answer.content
    made.cloud.settle()
    guest_of(server).volumes.clear()
    planted["disk_missing"] = volume
    guest_of(next(servers)).volumes["nobody"] = GIB
    planted["disk_unknown"] = "nobody"

    server = planted["claim_missing"] = next(servers)
    Claim.objects.filter(instance_id=server).delete()  # so the sums of its host are wrong, too
    row = Host.objects.get(name="h1")
    lost = Claim.objects.create(
        instance_id=uuid.uuid4(), host=row, project_id="gone", vcpus=1, ram=1, disk=0
    )
    planted["claim_unknown"] = str(lost.instance_id)
    planted["host_sums"] = "h1"

    nobody = str(uuid.uuid4())
    port_row = PortManager(made.context).create(network_id=made.network.id)
    Port.objects.filter(id=port_row.id).update(
        device_id=nobody, device_owner="compute:nova", host="h1"
    )
    planted["port_without_server"] = str(port_row.id)
    held = AttachmentManager(made.context).reserve(made.make_volume(), nobody)
    planted["attachment_without_server"] = str(held.id)

    missing = made.make_volume()
    place = Volume.objects.get(id=missing).pool
    assert place is not None
    ref = VolumeRef(id=missing, backend="fake")
    made.stores[place.host].delete(ref, work=Unguarded())
    planted["volume_missing"] = missing
    stray = VolumeRef(id=str(uuid.uuid4()), backend="fake")
    store = made.stores["h1"]
    store.create(VolumeSpec(ref=stray, size=GIB), image=None, work=Unguarded())
    planted["volume_unknown"] = stray.id
    planted["snapshot_unknown"] = str(uuid.uuid4())
    store.snapshot(SnapshotRef(id=planted["snapshot_unknown"], volume=stray), work=Unguarded())
    held, mapped, locked = (VolumeRef(id=made.make_volume(), backend="fake") for _ in range(3))
    planted["backup_point_unknown"] = str(uuid.uuid4())
    point = BackupPoint(id=planted["backup_point_unknown"], source=held)
    _store_of(made, held).hold_point(point, work=Unguarded())
    planted["volume_bitmap_unknown"] = f"{mapped.id} monday"
    _store_of(made, mapped).planted.append(Leftover(kind="bitmap", volume=mapped, name="monday"))
    planted["volume_lock_unknown"] = locked.id
    _store_of(made, locked).planted.append(Leftover(kind="lock", volume=locked))
    Pool.objects.filter(id=place.id).update(provisioned=F("provisioned") + 5)
    planted["pool_sums"] = str(place.id)
    server = next(servers)
    port = Instance.objects.get(id=server).ports.get().port_id
    host = Instance.objects.get(id=server).host
    made.wires[host].unplug(PortManager(made.context).ref(str(port)), work=Unguarded())
    planted["tap_missing"] = str(port)
    wires = made.wires[host]._segments[str(made.network.id)]
    planted["tap_unknown"] = gone = str(uuid.uuid4())
    wires.taps[gone] = {"tap": "cw-gone", "up": True}
    return planted


def _store_of(made: Lab, volume: VolumeRef) -> FakeVolumeDriver:
    pool = Volume.objects.get(id=volume.id).pool
    assert pool is not None
    return made.stores[pool.host]
