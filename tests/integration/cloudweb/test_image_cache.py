"""A host's image cache against a real HTTP server: once for all, resumed, verified, held small."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import re
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from cloudweb.driver import DriverError, Interrupted, TransientDriverError, Unguarded
from cloudweb.image_cache import cache as image_cache
from cloudweb.image_cache import download as image_download
from cloudweb.image_cache.cache import ImageCache
from cloudweb.image_cache.download import digest
from cloudweb.image_cache.source import ImageSource
from compute.agent import ComputeAgent
from compute.drivers.fake import FakeDriver
from tests.builders import disks
from tests.builders.work import CountedWork
from tests.infrastructure import PATIENCE

DATA = os.urandom(3 * 1024**2 + 17)
Behaviour = Callable[["Handler", bytes, int], None]


class Server(ThreadingHTTPServer):
    """Serves ``data`` at any path; ``script`` holds what the next requests meet instead."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.data = DATA
        self.requests: list[str | None] = []
        self.script: list[Behaviour] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/image"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def do_GET(self) -> None:
        wanted = self.headers.get("Range")
        self.server.requests.append(wanted)
        start = int(re.match(r"bytes=(\d+)-", wanted)[1]) if wanted else 0  # type: ignore[index]
        behave = self.server.script.pop(0) if self.server.script else whole
        behave(self, self.server.data, start)

    def head(self, status: int, length: int, **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(length))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Stay quiet."""


def whole(handler: Handler, data: bytes, start: int) -> None:
    part = data[start:]
    span = f"bytes {start}-{len(data) - 1}/{len(data)}"
    handler.head(206 if start else 200, len(part), **({"Content_Range": span} if start else {}))
    handler.wfile.write(part)


def broken_after(count: int) -> Behaviour:
    def behave(handler: Handler, data: bytes, start: int) -> None:
        span = f"bytes {start}-{len(data) - 1}/{len(data)}"
        handler.head(206 if start else 200, len(data) - start, Content_Range=span)
        handler.wfile.write(data[start : start + count])
        handler.wfile.flush()
        handler.connection.close()
        handler.close_connection = True

    return behave


def without_ranges(handler: Handler, data: bytes, _start: int) -> None:
    handler.head(200, len(data))
    handler.wfile.write(data)


def status(code: int) -> Behaviour:
    return lambda handler, _data, _start: handler.head(code, 0)


def another_part(handler: Handler, data: bytes, start: int) -> None:
    handler.head(206, 5, Content_Range=f"bytes {start + 1}-{start + 5}/{len(data)}")
    handler.wfile.write(b"xxxxx")


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        yield running
        running.shutdown()
        thread.join(PATIENCE)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: Any) -> ImageCache:
    monkeypatch.setattr(image_download, "PAUSE", 0.0)
    return ImageCache(tmp_path / "cache", 1024**3, grace=0)


def source(server: Server, image_id: str = "image-1", **overrides: Any) -> ImageSource:
    data = server.data
    facts = {
        "id": image_id, "url": server.url, "sha512": hashlib.sha512(data).hexdigest(),
        "size": len(data), "disk_format": "raw", "virtual_size": len(data), **overrides,
    }  # fmt: skip
    return ImageSource(**facts)


def left_over(cache: ImageCache) -> list[str]:
    return sorted(path.name for path in cache.directory.iterdir() if path.is_file())


class Recording(Unguarded):
    def __init__(self) -> None:
        self.seen: list[int] = []

    def progress(self, percent: int, text: str = "") -> None:
        self.seen.append(percent)


def test_an_image_is_fetched_once_and_read_only(server: Server, cache: ImageCache) -> None:
    work = Recording()
    path = cache.ensure(source(server), work)
    assert path.read_bytes() == DATA
    assert path.stat().st_mode & 0o777 == 0o444
    assert work.seen[-1] == 100
    assert work.seen == sorted(work.seen)
    assert cache.ensure(source(server), Unguarded()) == path
    assert server.requests == [None]
    assert left_over(cache) == [path.name]


def test_however_many_wait_it_is_fetched_once(server: Server, cache: ImageCache) -> None:
    gate, found = threading.Barrier(6), []

    def fetch() -> None:
        gate.wait(PATIENCE)
        found.append(cache.ensure(source(server), Unguarded()).read_bytes() == DATA)

    threads = [threading.Thread(target=fetch) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert found == [True] * 6
    assert server.requests == [None]


def _ensure_in_process(directory: Path, wanted: dict[str, Any]) -> None:
    ImageCache(directory, 1024**3).ensure(ImageSource(**wanted), Unguarded())


def test_processes_share_one_download(server: Server, cache: ImageCache) -> None:
    spawn = multiprocessing.get_context("spawn")
    wanted = source(server).model_dump()
    others = [
        spawn.Process(target=_ensure_in_process, args=(cache.directory, wanted)) for _ in range(3)
    ]
    for other in others:
        other.start()
    for other in others:
        other.join(PATIENCE)
    assert [other.exitcode for other in others] == [0, 0, 0]
    assert server.requests == [None]


def test_who_waits_can_be_interrupted(server: Server, cache: ImageCache) -> None:
    inside, go_on = threading.Event(), threading.Event()

    def slow(handler: Handler, data: bytes, start: int) -> None:
        inside.set()
        go_on.wait(PATIENCE)
        whole(handler, data, start)

    server.script = [slow]
    first = threading.Thread(target=cache.ensure, args=(source(server), Unguarded()))
    first.start()
    assert inside.wait(PATIENCE)
    with pytest.raises(Interrupted):
        cache.ensure(source(server), CountedWork(2))
    go_on.set()
    first.join(PATIENCE)
    assert cache.path_of(source(server)).read_bytes() == DATA


def test_a_broken_connection_is_resumed(server: Server, cache: ImageCache) -> None:
    server.script = [broken_after(1_000_000), broken_after(500_000)]
    assert cache.ensure(source(server), Unguarded()).read_bytes() == DATA
    assert server.requests == [None, "bytes=1000000-", "bytes=1500000-"]


def test_a_server_without_ranges_starts_over(server: Server, cache: ImageCache) -> None:
    server.script = [broken_after(1_000_000), without_ranges]
    assert cache.ensure(source(server), Unguarded()).read_bytes() == DATA


def test_what_a_killed_process_left_is_used(server: Server, cache: ImageCache) -> None:
    wanted = source(server)
    path = cache.path_of(wanted)
    partial = path.with_name(path.name + image_cache.PARTIAL)
    partial.write_bytes(DATA[:1000])
    assert cache.ensure(wanted, Unguarded()).read_bytes() == DATA
    assert server.requests == ["bytes=1000-"]


@pytest.mark.parametrize("rubbish", [b"rubbish", b"r" * (len(DATA) + 5), b"r" * len(DATA)])
def test_what_a_killed_process_left_may_be_rubbish(
    server: Server, cache: ImageCache, rubbish: bytes
) -> None:
    wanted = source(server)
    path = cache.path_of(wanted)
    path.with_name(path.name + image_cache.PARTIAL).write_bytes(rubbish)
    assert cache.ensure(wanted, Unguarded()).read_bytes() == DATA


@pytest.mark.parametrize(
    "script",
    [
        [status(500)] * 9, [status(503)] * 9, [status(403)] * 9, [status(429)] * 9,
        [broken_after(1000), *[broken_after(0)] * 9],
    ],
)  # fmt: skip
def test_trouble_on_the_way_may_pass(
    server: Server, cache: ImageCache, script: list[Behaviour]
) -> None:
    server.script = script
    with pytest.raises(TransientDriverError):
        cache.ensure(source(server), Unguarded())
    assert not cache.path_of(source(server)).exists()
    server.script = []
    assert cache.ensure(source(server), Unguarded()).read_bytes() == DATA


def test_no_server_is_trouble_on_the_way(server: Server, cache: ImageCache) -> None:
    wanted = source(server, url="http://127.0.0.1:1/image")
    with pytest.raises(TransientDriverError):
        cache.ensure(wanted, Unguarded())


@pytest.mark.parametrize(
    ("script", "overrides"),
    [
        ([], {"sha512": "0" * 128}),
        ([], {"size": len(DATA) - 1}),
        ([], {"size": len(DATA) + 1}),
        ([broken_after(1000), another_part], {}),
        ([status(404)], {}),
        ([status(410)], {}),
        ([status(302)], {}),
        ([], {"disk_format": "qcow2"}),
        ([], {"id": "../etc/passwd"}),
        ([], {"id": ""}),
        ([], {"sha512": "short"}),
    ],
)
def test_wrong_content_is_final(
    server: Server, cache: ImageCache, script: list[Behaviour], overrides: dict[str, Any]
) -> None:
    server.script = script
    with pytest.raises(DriverError) as refused:
        cache.ensure(source(server, **overrides), Unguarded())
    assert not isinstance(refused.value, TransientDriverError)
    assert [name for name in left_over(cache) if not name.endswith(image_cache.PARTIAL)] == []


def test_a_hostile_disk_is_not_kept(server: Server, cache: ImageCache) -> None:
    server.data = disks.qcow2(backing=b"/etc/shadow")
    with pytest.raises(DriverError):
        cache.ensure(source(server, disk_format="qcow2"), Unguarded())
    with pytest.raises(DriverError):
        cache.ensure(source(server, disk_format="raw"), Unguarded())
    assert left_over(cache) == []
    server.data = disks.qcow2()
    assert cache.ensure(source(server, disk_format="qcow2"), Unguarded()).exists()


def test_an_interrupted_download_keeps_what_it_has(server: Server, cache: ImageCache) -> None:
    with pytest.raises(Interrupted):
        cache.ensure(source(server), CountedWork(1))
    assert not cache.path_of(source(server)).exists()
    assert cache.ensure(source(server), Unguarded()).read_bytes() == DATA


def aged(cache: ImageCache, server: Server, image_id: str, *, ago: float) -> Path:
    path = cache.ensure(source(server, image_id), Unguarded())
    moment = time.time() - ago
    os.utime(path, (moment, moment))
    return path


def test_the_longest_unused_go_first(server: Server, tmp_path: Path) -> None:
    cache = ImageCache(tmp_path, int(2.5 * len(DATA)), grace=60)
    old = aged(cache, server, "old", ago=300)
    older = aged(cache, server, "older", ago=600)
    new = cache.ensure(source(server, "new"), Unguarded())
    assert [path.exists() for path in (older, old, new)] == [False, True, True]
    assert sorted(path.name for path in (tmp_path / "locks").iterdir()) == [new.name, old.name]


def test_use_keeps_young_and_the_fresh_are_spared(server: Server, tmp_path: Path) -> None:
    cache = ImageCache(tmp_path, len(DATA), grace=60)
    first = aged(cache, server, "first", ago=600)
    cache.ensure(source(server, "first"), Unguarded())
    second = cache.ensure(source(server, "second"), Unguarded())
    assert first.exists()
    assert second.exists()


def test_bases_in_use_stay_over_the_limit(server: Server, tmp_path: Path) -> None:
    used: list[Path] = []
    cache = ImageCache(tmp_path, 10, in_use=lambda: used, grace=60)
    base = aged(cache, server, "base", ago=600)
    used.append(base)
    other = aged(cache, server, "other", ago=600)
    third = cache.ensure(source(server, "third"), Unguarded())
    assert [path.exists() for path in (base, other, third)] == [True, False, True]


def test_a_full_disk_is_said_and_leaves_nothing(
    server: Server, cache: ImageCache, monkeypatch: Any
) -> None:
    usage = type("Usage", (), {"free": image_cache.RESERVE + 1000})
    with monkeypatch.context() as patch:
        patch.setattr(image_cache.shutil, "disk_usage", lambda _: usage)
        with pytest.raises(TransientDriverError, match="no room"):
            cache.ensure(source(server), Unguarded())
    assert server.requests == []
    assert left_over(cache) == []


def test_stale_partials_go(server: Server, cache: ImageCache) -> None:
    stale = cache.directory / f"gone.{'0' * 16}{image_cache.PARTIAL}"
    stale.write_bytes(b"x")
    os.utime(stale, (0, 0))
    cache.ensure(source(server), Unguarded())
    assert not stale.exists()


def damage(path: Path) -> None:
    """Change a byte in the middle, as a disk does that lost power."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.chmod(0o600)
    path.write_bytes(content)
    path.chmod(0o444)


def started_again(cache: ImageCache) -> ImageCache:
    again = ImageCache(cache.directory, cache.max_bytes, grace=0)
    again.open()
    return again


def test_a_base_that_an_unclean_stop_damaged_is_fetched_again(
    server: Server, cache: ImageCache
) -> None:
    cache.open()
    path = cache.ensure(source(server), Unguarded())
    whole = cache.ensure(source(server, "image-2"), Unguarded())
    damage(path)
    cache = started_again(cache)
    assert cache.ensure(source(server), Unguarded()).read_bytes() == DATA
    assert cache.ensure(source(server, "image-2"), Unguarded()) == whole
    assert len(server.requests) == 3  # what is whole is not fetched again
    assert path.stat().st_mode & 0o777 == 0o444


def test_files_are_read_through_once_and_only_after_an_unclean_stop(
    server: Server, cache: ImageCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[Path] = []

    def counted(path: Path, work: Any) -> str:
        read.append(path)
        return digest(path, work)

    monkeypatch.setattr("cloudweb.image_cache.cache.digest", counted)
    cache.open()
    path = cache.ensure(source(server), Unguarded())
    cache.close()
    cache = started_again(cache)
    cache.ensure(source(server), Unguarded())
    assert read == []
    cache = started_again(started_again(cache))  # killed: it stays so however often it is started
    cache.ensure(source(server), Unguarded())
    cache.ensure(source(server), Unguarded())
    assert read == [path]


def test_a_damaged_base_is_not_replaced_below_a_guest(server: Server, cache: ImageCache) -> None:
    path = cache.ensure(source(server), Unguarded())
    damage(path)
    kept = path.read_bytes()
    cache = started_again(cache)
    cache.in_use = lambda: [path]
    with pytest.raises(TransientDriverError, match="damaged"):
        cache.ensure(source(server), Unguarded())
    assert path.read_bytes() == kept
    cache.in_use = tuple
    assert cache.ensure(source(server), Unguarded()).read_bytes() == DATA


def test_a_host_knows_how_it_was_stopped(server: Server, cache: ImageCache, tmp_path: Path) -> None:
    def start() -> ComputeAgent:
        again = ImageCache(cache.directory, cache.max_bytes, grace=0)
        agent = ComputeAgent(FakeDriver(state_dir=tmp_path, host="h1"), again, tmp_path)
        agent.init_host()
        return agent

    def content(agent: ComputeAgent) -> bytes:
        return agent.images.ensure(source(server), Unguarded()).read_bytes()

    first = start()
    assert content(first) == DATA
    damage(first.images.path_of(source(server)))
    first.stop()
    assert content(start()) != DATA  # taken for whole unread: nothing happened between
    assert content(start()) == DATA


def test_a_host_reads_its_copies_through_before_somebody_asks(
    server: Server, cache: ImageCache, tmp_path: Path
) -> None:
    good, bad, base = (
        cache.ensure(source(server, f"image-{n}"), Unguarded()) for n in ("a", "b", "c")
    )
    damage(bad)
    damage(base)
    cache = started_again(cache)
    agent = ComputeAgent(FakeDriver(state_dir=tmp_path, host="h1"), cache, tmp_path)
    cache.in_use = lambda: [base]
    with pytest.raises(DriverError) as refused:
        agent.check_images()
    assert refused.value.detail == base.name
    assert (good.exists(), bad.exists(), base.exists()) == (True, False, True)
    cache.in_use = tuple
    agent.check_images()
    assert not base.exists()
    agent.check_images()
    assert len(server.requests) == 3
    assert cache.ensure(source(server, "image-a"), Unguarded()) == good
    assert len(server.requests) == 3  # it was read through and is whole
    cache.max_bytes = 0
    os.utime(good, (0, 0))
    agent.trim_images()
    assert not good.exists()
