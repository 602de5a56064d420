"""What the fake back end keeps of volumes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from volume.objects import Format


@dataclass(slots=True)
class FakeSnapshot:
    """What a snapshot holds."""

    size: int
    content: str


@dataclass(slots=True)
class FakeVolume:
    """What the fake back end keeps of a volume; one that is not ``whole`` is half made."""

    id: str
    format: Format
    size: int
    content: str = ""  # in words: "image <id>", or what a test wrote
    whole: bool = False
    exports: dict[str, int] = field(default_factory=dict)  # attachment id -> epoch
    snapshots: dict[str, FakeSnapshot] = field(default_factory=dict)
    points: dict[str, FakeSnapshot] = field(default_factory=dict)  # held for backups
    key: str = ""  # of an encrypted one: what its passphrase is known by
    is_open: bool = False  # while it is in use the passphrase is known
    mirror: str = ""  # the copy that what is written goes to as well
    others: dict[str, FakeSnapshot] = field(default_factory=dict)  # taken by others, by name
    followed: str = ""  # where those who have it write now; it is no volume any more


class FakeBlocks:
    """A content in words as the blocks of a disk: the words, then zeros."""

    def __init__(self, size: int, text: bytes) -> None:
        self.size, self.text = size, text

    def read(self, offset: int, length: int) -> bytes:
        """Return exactly these bytes."""
        return self.text[offset : offset + length].ljust(length, b"\0")

    def data_after(self, offset: int) -> int:
        """Return where the words are, while there are any."""
        return offset if offset < len(self.text) else self.size

    def write(self, offset: int, data: bytes) -> None:
        """Write these bytes; zeros at the end are none."""
        before = self.text[:offset].ljust(offset, b"\0")
        self.text = (before + data + self.text[offset + len(data) :]).rstrip(b"\0")

    def zero(self, offset: int, length: int) -> None:
        """Make these bytes zeros."""
        if offset < len(self.text):
            self.write(offset, bytes(min(length, len(self.text) - offset)))


def parse(record: dict[str, object]) -> FakeVolume:
    """Return a volume as it was recorded."""
    record.pop("encrypted", None)  # of an older release
    found = FakeVolume(**record)  # type: ignore[arg-type]  # a wrong type is a damaged record
    found.snapshots = _kept(found.snapshots)
    found.points = _kept(found.points)
    found.others = _kept(found.others)
    return found


def _kept(records: Mapping[str, object]) -> dict[str, FakeSnapshot]:
    return {
        name: FakeSnapshot(**kept)  # type: ignore[arg-type]
        for name, kept in records.items()
    }
