"""Volumes that guests write to and read, wherever those are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from tests.host.cloud.tenants import Server, Tenant
from tests.infrastructure import wait_until

MIB = 4  # of what a guest writes, at a time


class Reach(Protocol):
    """A tenant, and a way to its guests."""

    tenant: Tenant

    def does(self, command: str, server: Server | None = None) -> str:
        """Run a command in a guest as root; fail where it fails."""


class Traveller:
    """A volume, and the guest that has it; ``digest`` is of what was flushed to it last.

    In the guest ``$d`` is its device, ``$a`` what was written to it, and ``$w`` says that it was.
    """

    def __init__(self, room: Reach, name: str, **wanted: Any) -> None:
        self.room, self.storage = room, room.tenant.api.block_storage
        self.server: Server | None = None
        self.digest = ""
        self.id = self.storage.create_volume(name=name, **{"size": 1, **wanted}).id

    @property
    def row(self) -> Any:
        return self.storage.get_volume(self.id)

    def wait(self, status: str) -> None:
        """Wait until it has a status; fail at once where it is in error."""

        def there() -> bool:
            found = self.row
            assert "error" not in found.status, found
            return bool(found.status == status)

        wait_until(there, what=f"volume {self.row.name} is {status}")

    def give(self, server: Server) -> None:
        self.room.tenant.api.compute.create_volume_attachment(server.id, volume_id=self.id)
        self.server = server
        self.wait("in-use")
        self.does("true")

    def take(self) -> None:
        assert self.server is not None
        self.room.tenant.api.compute.delete_volume_attachment(self.server.id, self.id)
        self.server = None
        self.wait("available")

    def does(self, command: str) -> str:
        """Run a command in the guest, once it has the disk."""
        find = f"grep -l {self.id[:20]} /sys/block/vd*/serial 2>/dev/null"
        known = f"until f=$({find}); do sleep 0.2; done; d=/dev/$(echo $f | cut -d/ -f4)"
        known += f"; a=/tmp/a-{self.id}; w=/tmp/w-{self.id}"
        return self.room.does(f"{known}; {command}", self.server)

    def write(self) -> str:
        """Let the guest write something new, and flush it."""
        self.digest = self.does(
            f"dd if=/dev/urandom of=$a bs=1M count={MIB} 2>/dev/null; "
            "dd if=$a of=$d bs=1M conv=fsync 2>/dev/null && md5sum <$a"
        )
        return self.digest

    def read(self) -> str:
        return self.does(
            f"echo 3 >/proc/sys/vm/drop_caches; dd if=$d bs=1M count={MIB} 2>/dev/null | md5sum"
        )

    def check(self) -> None:
        """The guest reads what was flushed last."""
        assert self.read() == self.digest, self.row.name

    def write_while(self, act: Callable[[], None]) -> None:
        """Something happens while the guest writes: what it was told to be flushed is there."""
        self.does("rm -f $w")
        more = f"dd if=$a of=$d bs=256k count={4 * MIB} conv=fsync,notrunc"
        again = f"for _ in 1 2 3 4; do {more} || exit; done 2>$w-why; touch $w"
        self.does(f"({again}) </dev/null >/dev/null 2>&1 &")
        act()
        self.does("until test -e $w; do sleep 0.2; done")
        self.check()

    def grow(self, size: int = 2) -> None:
        """Extend it under its guest, which sees that."""
        self.storage.extend_volume(self.id, size)
        seen = "cat /sys/block/$(basename $d)/size"
        self.does(f"until test $({seen}) -eq {size * 2**21}; do sleep 0.2; done")
        self.wait("in-use")

    def delete(self) -> None:
        self.storage.delete_volume(self.id)
