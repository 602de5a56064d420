"""A pool of files on a file system of its own, which has as much room as a test says."""

from __future__ import annotations

import shutil

from cloudweb import process
from cloudweb.driver import Unguarded
from compute.objects import DiskSource, GuestDisk
from tests.builders.volume_bench import FileBench, export_of, unexport_of


class SmallPool(FileBench):
    """Has one volume, which is served to a guest of this host."""

    def __init__(self, size: int, *, room: int) -> None:
        self.room, self.size = room, size
        super().__init__()
        self.directory.chmod(0o711)  # guests pass as users of their own
        spec = self.spec(size=size)
        self.id = spec.ref.id
        self.driver.create(spec, image=None, work=Unguarded())
        self.request = export_of(spec, self.host)
        self.told = self.driver.export(self.request, work=Unguarded())

    @property
    def disk(self) -> GuestDisk:
        """The disk as a guest is told of it."""
        source = DiskSource(kind="nbd_unix", path=self.told.path, export=self.told.export)
        return GuestDisk(name=self.id, size=self.size, source=source, serial=self.id)

    def restart(self) -> None:
        pool = self.directory / "pool"
        pool.mkdir()
        process.run("mount", "-t", "tmpfs", "-o", f"size={self.room}", "tmpfs", str(pool))
        super().restart()

    def make_room(self, room: int) -> None:
        """Let its file system have so many bytes."""
        pool = str(self.directory / "pool")
        process.run("mount", "-o", f"remount,size={room}", pool)

    def held(self) -> int:
        """Return the blocks of what it holds."""
        return int(self.driver.files.get(self.id).path.stat().st_blocks)

    def close(self) -> None:
        self.driver.unexport(unexport_of(self.request), work=Unguarded())
        self.driver.delete_everything()
        process.run("umount", str(self.directory / "pool"))
        shutil.rmtree(self.directory)
