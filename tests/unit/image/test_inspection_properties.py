"""Whatever comes in: it is refused or it is sound, and neither memory nor reading grows without bound."""

from __future__ import annotations

import io
from functools import cache
from typing import Any, BinaryIO, cast

from hypothesis import given, settings
from hypothesis import strategies as st

from cloudweb.disks.reading import PIECE
from image.exceptions import ImageRefused
from image.formats import CONTAINER_FORMATS, DISK_FORMATS, mismatch
from image.inspection import InspectedStream, check_stored
from tests.builders.sound_images import SOUND

LIMIT = 16 * 1024**4
MIB = 1024**2
#: What all inspectors together may keep of one stream.
MOST_KEPT = 2 * MIB
PAIRS = [
    (disk, container)
    for disk in DISK_FORMATS
    for container in CONTAINER_FORMATS
    if mismatch(disk, container) is None
]


class Watched(io.BytesIO):
    """A file that notes how much is read of it."""

    read_in_all = 0
    largest = 0

    def read(self, size: int | None = -1, /) -> bytes:
        assert size is not None
        assert size >= 0, "reads without a limit"
        self.largest = max(self.largest, size)
        data = super().read(size)
        self.read_in_all += len(data)
        return data


@cache
def sound(name: str) -> bytes:
    return SOUND[name].make()


def look_at(data: bytes, disk_format: str, container: str, *, chunk: int) -> int | None:
    """Inspect as an upload does; return the disk's size, or None when it was refused."""
    stream: Any = InspectedStream(
        io.BytesIO(data),
        disk_format=disk_format,
        container_format=container,
        max_virtual_size=LIMIT,
    )
    size: int | None = None
    try:
        while stream.read(chunk):
            kept = sum(
                sum(inspector.context_info.values()) for inspector in stream._inspector._inspectors
            )
            assert kept <= MOST_KEPT
        assert stream.virtual_size <= LIMIT
        size = stream.virtual_size
    except ImageRefused:
        size = None
    # the structure is walked whatever the stream said: it must not rely on that
    file = Watched(data)
    try:
        check_stored(cast("BinaryIO", file), disk_format=disk_format, container_format=container)
    except ImageRefused:
        size = None
    assert file.largest <= PIECE
    assert file.read_in_all <= 4 * len(data) + MIB
    return size


@given(
    data=st.binary(max_size=70_000), pair=st.sampled_from(PAIRS), chunk=st.integers(1_000, 100_000)
)
@settings(max_examples=150)
def test_any_bytes(data: bytes, pair: tuple[str, str], chunk: int) -> None:
    look_at(data, *pair, chunk=chunk)


NUMBERS = st.sampled_from(
    [0, 1, 2, 511, 512, 2**15, 2**16, 2**31 - 1, 2**31, 2**32 - 1, 2**53, 2**63, 2**64 - 1]
)


@st.composite
def changes(draw: st.DrawFn) -> list[tuple[int, bytes]]:
    """Numbers of any width written over the places where headers and tables are."""
    found = []
    for _ in range(draw(st.integers(1, 4))):
        at = draw(
            st.sampled_from([0, 0, 512, 1024, 1536, 65536, 196608, MIB, MIB + 65536, 2 * MIB])
        )
        width = draw(st.sampled_from([1, 2, 4, 8]))
        number = draw(NUMBERS | st.integers(0, 2**64 - 1)) & ((1 << 8 * width) - 1)
        order = draw(st.sampled_from(["big", "little"]))
        found.append((at + draw(st.integers(0, 520)), number.to_bytes(width, cast("Any", order))))
    return found


@given(
    name=st.sampled_from(sorted(SOUND)),
    changed=changes(),
    keep=st.none() | st.integers(0, 4 * MIB),
    chunk=st.sampled_from([4_096, 65_536, MIB]),
)
@settings(max_examples=300)
def test_a_changed_header(
    name: str, changed: list[tuple[int, bytes]], keep: int | None, chunk: int
) -> None:
    data = bytearray(sound(name))
    for at, number in changed:
        if at + len(number) <= len(data):
            data[at : at + len(number)] = number
    look_at(bytes(data[:keep]), SOUND[name].disk_format, SOUND[name].container, chunk=chunk)


@given(name=st.sampled_from(sorted(SOUND)), chunk=st.integers(1_000, 3 * MIB))
@settings(max_examples=60)
def test_the_size_of_chunks_changes_nothing(name: str, chunk: int) -> None:
    case = SOUND[name]
    data = sound(name)
    assert look_at(data, case.disk_format, case.container, chunk=chunk) == (
        case.virtual_size or len(data)
    )
