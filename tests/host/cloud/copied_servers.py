"""Images of a server that runs, and a server made of one: what the first one's guest wrote is read in the second."""

from __future__ import annotations

from tests.host.cloud.rooms import Room
from tests.host.cloud.tenants import Server

FILE, IMAGE = "/root/kept", "moment"
#: Goes on writing to the disk of which an image is made.
WRITES = (
    "(while :; do cat /proc/uptime >>/root/more; done) </dev/null >/dev/null 2>&1 & echo $! >/tmp/w"
)
DIGEST = f"md5sum <{FILE}"


def copy_of(room: Room, name: str, *, address: str) -> Server:
    """Return a server of an image of the room's, taken while its guest wrote: what was flushed is in it."""
    api = room.tenant.api
    written = room.does(
        f"dd if=/dev/urandom of={FILE} bs=1M count=4 2>/dev/null && sync && {DIGEST}"
    )
    room.does(WRITES)
    image = api.compute.create_server_image(room.server.id, IMAGE)
    room.server.wait("ACTIVE")
    assert api.image.get_image(image.id).status == "active"
    room.does("kill $(cat /tmp/w); rm /root/more")
    server = room.create(name, address=address, image_id=image.id)
    _back_up(room)  # while the other one boots
    server.wait("ACTIVE")
    server.wait_for_boot()
    assert room.does(DIGEST, server) == written
    assert room.does(DIGEST) == written  # and the first one runs on with it
    api.image.delete_image(image)
    return server


def _back_up(room: Room) -> None:
    """Of backups of a kind as many are kept as was said."""
    api = room.tenant.api
    for name in ("first", "second"):
        api.compute.backup_server(room.server.id, name, "daily", 1)
        room.server.wait("ACTIVE")
    kept = {one.name: one for one in api.image.images(visibility="private")}
    assert {name: one.status for name, one in kept.items()} == dict.fromkeys(
        ("second", IMAGE), "active"
    )
    api.image.delete_image(kept["second"])
