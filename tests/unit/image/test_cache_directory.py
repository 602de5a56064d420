"""The directory of the image cache: what is in it is whole, right and within its limit."""

from __future__ import annotations

import fcntl
import hashlib
import os
import threading
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest

from image.cache import ImageCache, IncomingCopy
from tests.infrastructure import PATIENCE

ONE, TWO, THREE = "1.a", "2.b", "3.c"


@pytest.fixture
def cache(tmp_path: Path) -> ImageCache:
    return ImageCache(tmp_path / "cache", limit=300)


def sha512(data: bytes) -> str:
    return hashlib.sha512(data).hexdigest()


def begin(cache: ImageCache, key: str, data: bytes) -> IncomingCopy | None:
    return cache.begin(key, size=len(data), sha512=sha512(data))


def put(cache: ImageCache, key: str, size: int = 100, *, used_at: int = 0) -> None:
    """Have a copy that was last read then."""
    data = bytes(size)
    copy = begin(cache, key, data)
    assert copy is not None
    copy.write(data)
    assert copy.end()
    os.utime(cache.data / key, (used_at, used_at))


def keys(cache: ImageCache) -> list[str]:
    return sorted(copy.key for copy in cache.entries())


def files(cache: ImageCache) -> list[str]:
    found = (cache.data, cache.incoming, cache.hits)
    return sorted(path.name for directory in found for path in directory.iterdir())


def test_a_copy_is_seen_when_it_is_whole_and_counts_its_reads(cache: ImageCache) -> None:
    copy = begin(cache, ONE, b"some data")
    assert copy is not None
    copy.write(b"some ")
    assert (cache.has(ONE), cache.open(ONE, size=9), cache.entries()) == (False, None, [])
    copy.write(b"data")
    assert copy.end()
    (cached,) = cache.entries()
    assert (cached.image_id, cached.size, cached.hits) == ("1", 9, 0)
    os.utime(cache.data / ONE, (5, 7))
    for _ in range(2):
        file = cache.open(ONE, size=9)
        assert file is not None
        with file:
            assert file.read() == b"some data"
    (cached,) = cache.entries()
    assert (cached.hits, cached.last_modified) == (2, 7)
    assert cached.last_accessed > 7


@pytest.mark.parametrize("written", [b"", b"some", b"some dat!", b"some data and more"])
def test_what_is_short_long_or_wrong_is_not_kept(cache: ImageCache, written: bytes) -> None:
    copy = begin(cache, ONE, b"some data")
    assert copy is not None
    copy.write(written)
    assert not copy.end()
    assert files(cache) == []


def test_the_least_recently_read_makes_room(cache: ImageCache) -> None:
    for key, used_at in ((ONE, 10), (TWO, 5), (THREE, 20)):
        put(cache, key, used_at=used_at)
    put(cache, "4.d", used_at=30)
    assert keys(cache) == [ONE, THREE, "4.d"]
    file = cache.open(ONE, size=100)  # now the most recent one, and being read
    assert file is not None
    put(cache, "5.e", 200, used_at=40)
    assert keys(cache) == [ONE, "5.e"]
    put(cache, "6.f", 300)
    assert keys(cache) == ["6.f"]
    with file:
        assert file.read() == bytes(100)
    assert files(cache) == ["6.f", "6.f"]


def test_what_is_on_its_way_has_its_room(cache: ImageCache) -> None:
    put(cache, ONE)
    first = begin(cache, TWO, bytes(150))
    assert first is not None
    assert begin(cache, THREE, bytes(151)) is None
    assert keys(cache) == [ONE], "nothing goes for what does not fit anyway"
    assert begin(cache, TWO, bytes(150)) is None, "one at a time fetches a copy"
    first.drop()
    assert begin(cache, ONE, bytes(100)) is None, "it is there"
    for size in (0, 301):
        assert begin(cache, "4.d", bytes(size)) is None


def test_what_the_dead_left_is_swept_and_what_lives_is_not(cache: ImageCache) -> None:
    living = begin(cache, ONE, bytes(100))
    (cache.incoming / f"{TWO}.0000").write_bytes(bytes(250))
    third = begin(cache, THREE, bytes(200))
    assert third is not None
    assert sorted(path.name.rpartition(".")[0] for path in cache.incoming.iterdir()) == [ONE, THREE]
    assert living is not None
    living.drop()
    third.drop()
    (cache.incoming / f"{TWO}.0000").write_bytes(bytes(250))
    put(cache, ONE)
    put(cache, TWO)
    cache.reap(lambda key: key == ONE)
    assert files(cache) == [ONE, ONE]


def half_written(root: Path, begun: Connection) -> None:
    """Begin a copy in a process of its own, and never end it."""
    copy = ImageCache(root, limit=300).begin(ONE, size=200, sha512="")
    assert copy is not None
    copy.write(bytes(100))
    begun.send(True)
    begun.recv()


def test_a_process_that_is_killed_leaves_nothing(cache: ImageCache) -> None:
    spawn = get_context("spawn")
    ours, theirs = spawn.Pipe()
    writer = spawn.Process(target=half_written, args=(cache.root, theirs), daemon=True)
    writer.start()
    try:
        assert ours.poll(60)
        cache.reap(lambda _: True)
        assert len(files(cache)) == 1, "it lives and is not swept"
        assert begin(cache, TWO, bytes(101)) is None
    finally:
        writer.kill()
        writer.join(PATIENCE)
    put(cache, TWO, 300)
    assert files(cache) == [TWO, TWO]


def test_a_smaller_limit_counts_from_the_next_sweep(cache: ImageCache) -> None:
    put(cache, ONE, used_at=1)
    put(cache, TWO, used_at=2)
    smaller = ImageCache(cache.root, limit=150)
    smaller.reap(lambda _: True)
    assert keys(smaller) == [TWO]


def test_what_is_forgotten_on_its_way_does_not_come_back(cache: ImageCache) -> None:
    put(cache, TWO)
    copy = begin(cache, ONE, b"data")
    assert copy is not None
    copy.write(b"data")
    assert cache.forget("1.")
    assert not copy.end()
    assert not cache.forget("1.")
    assert files(cache) == [TWO, TWO]


def test_a_copy_leaves_the_disk_its_reserve(cache: ImageCache, settings: Any) -> None:
    copy = begin(cache, ONE, b"data")
    assert copy is not None
    settings.IMAGE_DISK_RESERVE = 10**18
    with pytest.raises(OSError, match="IMAGE_DISK_RESERVE"):
        copy.write(b"data")
    copy.drop()
    assert files(cache) == []


def test_a_copy_of_the_wrong_size_is_not_served(cache: ImageCache) -> None:
    put(cache, ONE)
    os.truncate(cache.data / ONE, 99)
    assert cache.open(ONE, size=100) is None
    assert files(cache) == []


def test_processes_make_room_one_after_the_other(cache: ImageCache) -> None:
    found: list[IncomingCopy | None] = []
    other = ImageCache(cache.root, limit=300)
    with (cache.root / "lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        threads = [
            threading.Thread(target=lambda one=one: found.append(begin(one, ONE, bytes(200))))
            for one in (cache, other)
        ]
        for thread in threads:
            thread.start()
        assert list(cache.incoming.iterdir()) == []
    for thread in threads:
        thread.join(PATIENCE)
    assert sum(copy is not None for copy in found) == 1
    for copy in found:
        if copy is not None:
            copy.drop()
