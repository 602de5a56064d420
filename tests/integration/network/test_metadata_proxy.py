"""The metadata proxy on loopback addresses: who may hold how many of its connections, and how long."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import http.server
import json
import select
import socket
import sys
import threading
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import pytest

from cloudweb import process
from network import metadata_proxy
from network.metadata_proxy import Listener, Proxy
from tests.builders.damage import DAMAGES, damage
from tests.infrastructure import PATIENCE, wait_until

#: Port a of project x has many addresses, b is x's too, c is of y, and 127.0.9.* is nobody's.
PORTS = {
    **{f"127.0.1.{number}": "a" for number in range(1, 40)},
    "127.0.2.1": "b",
    "127.0.2.2": "b2",
    "127.0.3.1": "c",
}
PROJECTS = {"a": "x", "b": "x", "b2": "x", "c": "y"}
AWAY = b"HTTP/1.1 503 Other"  # let in, and answered: these tests have no API


@pytest.fixture
def listener(tmp_path: Path) -> Iterator[Listener]:
    proxy = Proxy(tmp_path)
    spec = {"namespace": None, "address": "127.0.0.1", "port": 0}
    listener = Listener("net", spec | {"ports": PORTS, "projects": PROJECTS})
    listener.socket.setblocking(True)
    stopped = threading.Event()

    def accept() -> None:
        while not stopped.is_set():
            proxy._accept(listener)

    thread = threading.Thread(target=accept)
    thread.start()
    yield listener
    stopped.set()
    with socket.create_connection(listener.socket.getsockname()):
        thread.join(PATIENCE)
    listener.socket.close()


class Client:
    """A guest's connection from an address, which says a little and waits."""

    def __init__(self, listener: Listener, source: str) -> None:
        self.socket = socket.create_connection(
            listener.socket.getsockname(), timeout=PATIENCE, source_address=(source, 0)
        )
        self.socket.sendall(b"GET /")

    def is_closed(self) -> bool:
        """Tell whether the proxy closed it at once; an open one is silent until its deadline."""
        self.socket.settimeout(0.05)
        try:
            return self.socket.recv(1) == b""
        except TimeoutError:
            return False
        except OSError:
            return True

    def ask(self) -> bytes:
        """End the question; return the answer's first line, empty when there is none."""
        try:
            self.socket.sendall(b" HTTP/1.0\r\n\r\n")
            self.socket.settimeout(PATIENCE)
            return self.socket.makefile("rb").readline().strip()
        except OSError:
            return b""


def closed(clients: list[Client], *, count: int) -> list[bool]:
    """Wait until so many are closed; tell which."""
    sockets = [client.socket for client in clients]
    wait_until(lambda: len(select.select(sockets, [], [], 0)[0]) >= count, what=f"{count} closed")
    return [client.is_closed() for client in clients]


def test_a_port_holds_as_many_connections_as_any_from_however_many_addresses(
    listener: Listener,
) -> None:
    greedy = [Client(listener, f"127.0.1.{number}") for number in range(1, 12)]
    assert closed(greedy, count=7) == [False] * 4 + [True] * 7
    strangers = [Client(listener, f"127.0.9.{number}") for number in range(1, 7)]
    assert closed(strangers, count=2) == [False] * 4 + [True] * 2
    assert Client(listener, "127.0.2.1").ask() == AWAY
    assert strangers[0].ask() == b"HTTP/1.1 404 Not Found"
    wait_until(  # its place is free a moment after its answer
        lambda: Client(listener, "127.0.9.99").ask() == b"HTTP/1.1 404 Not Found",
        what="a place is free again",
    )


def test_a_project_leaves_room_to_others_and_gives_way_where_all_is_full(
    listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(metadata_proxy.LIMITS, "project", 5)
    monkeypatch.setitem(metadata_proxy.LIMITS, "network", 5)
    sources = [f"127.0.1.{number}" for number in range(1, 5)]
    first = [Client(listener, source) for source in (*sources, "127.0.2.1", "127.0.2.2")]
    assert closed(first, count=1) == [False] * 5 + [True]
    assert Client(listener, "127.0.3.1").ask() == AWAY
    assert closed(first[:5], count=1).count(True) == 1
    monkeypatch.setattr(metadata_proxy, "CONNECTIONS", 2)  # in all: the same
    assert Client(listener, "127.0.3.1").ask() == AWAY


def test_who_drips_is_closed_at_the_deadline_of_the_whole_question(
    listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metadata_proxy, "GUEST_TIMEOUT", 0.5)
    slow = Client(listener, "127.0.1.1")
    slow.socket.settimeout(0.05)
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        try:
            slow.socket.sendall(b"x")
            if slow.socket.recv(1) == b"":
                break
        except TimeoutError:
            continue
        except OSError:
            break
    else:
        pytest.fail("it still listens")
    body = Client(listener, "127.0.1.2")
    body.socket.sendall(b" HTTP/1.0\r\nContent-Length: 60000\r\n\r\nx")
    assert body.socket.recv(64) == b""


def test_the_proxy_knows_whose_ports_they_are() -> None:
    """An older agent's file says nothing of projects: all are then one."""
    listener = Listener(
        "net", {"namespace": None, "address": "127.0.0.1", "port": 0, "ports": {"127.0.0.1": "a"}}
    )
    asker = metadata_proxy.Asker(listener, listener.socket, "127.0.0.1")
    assert (asker.port, asker.project) == (("port", "net a"), ("project", "net "))
    listener.socket.close()


def test_a_damaged_file_of_a_network_ends_nothing(tmp_path: Path) -> None:
    proxy, networks = Proxy(tmp_path), tmp_path / "networks"
    networks.mkdir()
    spec = {"namespace": None, "address": "127.0.0.1", "port": 0, "ports": {"127.0.1.1": "a"}}
    for name in ("one", "two"):
        (networks / f"{name}.json").write_text(json.dumps(spec))
    proxy.read_networks()
    serving = dict(proxy.listeners)
    for how in DAMAGES:
        (networks / "one.json").write_text(json.dumps(spec))
        damage(networks / "one.json", how)
        damaged_anew = networks / "three.json"
        damaged_anew.write_bytes((networks / "one.json").read_bytes())
        proxy.read_networks()
        assert (how, proxy.listeners) == (how, serving)
    (networks / "one.json").unlink()
    proxy.read_networks()
    assert set(proxy.listeners) == {"two"}
    for listener in serving.values():
        listener.socket.close()


class Api:
    """An API that holds what it is asked until it is told to answer."""

    def __init__(self) -> None:
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.socket.settimeout(PATIENCE)
        self.held: list[tuple[bytes, socket.socket]] = []

    def take(self) -> bytes:
        """Wait for a question; return its guest's address."""
        connection, _ = self.socket.accept()
        connection.settimeout(PATIENCE)
        said = b""
        while not said.endswith(b"{}"):
            said += connection.recv(4096)
        address = said.partition(b"X-Cloudweb-Address: ")[2].split()[0]
        self.held.append((address, connection))
        return address

    def answer(self, address: bytes, body: bytes = b"news") -> None:
        """Answer the oldest question of a guest."""
        number = next(at for at, (whose, _) in enumerate(self.held) if whose == address)
        _, connection = self.held.pop(number)
        with connection:
            connection.sendall(b"HTTP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)


def poll(port: int, source: str) -> socket.socket:
    guest = socket.create_connection(
        ("127.0.0.1", port), timeout=PATIENCE, source_address=(source, 0)
    )
    guest.sendall(b"POST /openstack/database/mailbox HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}")
    return guest


def test_polls_wait_for_the_api_without_a_thread_each(tmp_path: Path) -> None:
    api, count = Api(), 60
    (tmp_path / "key").write_text("secret")
    url = f"http://127.0.0.1:{api.socket.getsockname()[1]}"
    facts = {"host": "h1", "url": url, "key_file": str(tmp_path / "key")}
    (tmp_path / "proxy.json").write_text(json.dumps(facts))
    (tmp_path / "networks").mkdir()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    sources = [f"127.0.4.{number}" for number in range(1, count + 1)]
    spec = {"namespace": None, "address": "127.0.0.1", "port": port,
            "ports": {one: f"p{one}" for one in sources}, "projects": dict.fromkeys(sources, "x")}  # fmt: skip
    (tmp_path / "networks" / "n.json").write_text(json.dumps(spec))
    log = tmp_path / "log"
    words = (sys.executable, "-I", "-S", metadata_proxy.__file__, str(tmp_path))
    proxy = process.start_child(*words, log=log)
    try:
        wait_until(lambda: _listens(port), what="the proxy listens")
        guests = {one: poll(port, one) for one in sources}
        assert {api.take().decode() for _ in sources} == {*sources}
        wait_until(lambda: _threads(proxy.pid) == 1, what="no poll holds a thread")

        api.answer(sources[3].encode())
        assert guests[sources[3]].makefile("rb").read().endswith(b"news"), log.read_text()

        letter = b"piece" * (3 << 20)  # of a long log
        api.answer(sources[4].encode(), letter)
        assert guests[sources[4]].makefile("rb").read().endswith(b"\r\n\r\n" + letter)

        again = []
        for _ in range(2):
            again.append(poll(port, sources[0]))
            assert api.take() == sources[0].encode()
        assert guests[sources[0]].recv(1) == b""  # a port's oldest gives way
        again[1].close()
        assert api.held[-1][1].recv(1) == b""  # the API hears that a guest has left

        for whose, left in api.held:
            if whose == sources[5].encode():
                left.close()  # the API dies
        assert guests[sources[5]].makefile("rb").readline().startswith(b"HTTP/1.1 503")
        with poll(port, "127.0.9.1") as stranger:
            assert stranger.makefile("rb").readline() == b"HTTP/1.1 404 Not Found\r\n"
    finally:
        proxy.kill()
        proxy.wait()


DUMP = "/openstack/database/dumps/b/1/signed"


def answered(listener: Listener, source: str, head: str, body: bytes = b"") -> tuple[bytes, bytes]:
    """Return the first line and the body of an answer."""
    with socket.create_connection(
        listener.socket.getsockname(), timeout=PATIENCE, source_address=(source, 0)
    ) as guest:
        sender = threading.Thread(target=_send, args=(guest, head.encode() + b"\r\n\r\n", body))
        sender.start()
        said = guest.makefile("rb").read()
        sender.join(PATIENCE)
    first, _, rest = said.partition(b"\r\n")
    return first, rest.partition(b"\r\n\r\n")[2]


def _send(guest: socket.socket, *words: bytes) -> None:
    with contextlib.suppress(OSError):
        for one in words:
            guest.sendall(one)


class DumpApi(http.server.BaseHTTPRequestHandler):
    """An API that takes and gives parts, and refuses those of backup ``no`` before it has read them."""

    taken: ClassVar[list[tuple[str, str, int, str]]] = []
    size: ClassVar[int] = 40 * 1024 * 1024

    def do_PUT(self) -> None:
        if "/no/" in self.path:
            self.send_error(404)
            while self.rfile.read1(65_536):
                pass  # what is on its way
            return
        digest, left = hashlib.sha256(), int(self.headers["Content-Length"])
        while left:
            piece = self.rfile.read(min(left, 65_536))
            digest.update(piece)
            left -= len(piece)
        self._keep(digest.hexdigest())
        self.send_response(204)
        self.send_header("ETag", "receipt")
        self.end_headers()

    def do_GET(self) -> None:
        self._keep("")
        self.send_response(200)
        self.send_header("Content-Length", str(self.size))
        self.end_headers()
        for _ in range(self.size // 65_536 if "/torn/" not in self.path else 2):
            self.wfile.write(bytes(65_536))

    def _keep(self, digest: str) -> None:
        said = "\n".join(
            self.headers[f"X-Cloudweb-{name}"]
            for name in ("Host", "Network", "Address", "Timestamp")
        )
        said += "\n" + self.path.removeprefix("/metadata")
        said += "\nPUT\n" if self.command == "PUT" else ""
        made = hmac.new(b"secret", said.encode(), hashlib.sha256).hexdigest()
        is_signed = str(made == self.headers["X-Cloudweb-Signature"])
        address = self.headers["X-Cloudweb-Address"]
        self.taken.append((address, is_signed, len(digest), digest))

    def log_message(self, *_words: object) -> None:
        """Say nothing."""


def test_a_backups_parts_pass_through_in_bounded_memory(tmp_path: Path, listener: Listener) -> None:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), DumpApi) as api:
        threading.Thread(target=api.serve_forever, daemon=True).start()
        (tmp_path / "key").write_text("secret")
        url = f"http://127.0.0.1:{api.server_address[1]}"
        facts = {"host": "h1", "url": url, "key_file": str(tmp_path / "key")}
        (tmp_path / "proxy.json").write_text(json.dumps(facts))
        part, length = bytes(DumpApi.size), f"Content-Length: {DumpApi.size}"

        tracemalloc.start()
        first, _ = answered(listener, "127.0.1.1", f"PUT {DUMP} HTTP/1.1\r\n{length}", part)
        assert first == b"HTTP/1.1 204 OK"
        assert tracemalloc.get_traced_memory()[1] < DumpApi.size / 4
        tracemalloc.stop()
        digest = hashlib.sha256(part).hexdigest()
        assert DumpApi.taken.pop() == ("127.0.1.1", "True", 64, digest)
        first, body = answered(listener, "127.0.1.1", f"GET {DUMP} HTTP/1.1")
        assert (first, len(body)) == (b"HTTP/1.1 200 OK", DumpApi.size)
        assert DumpApi.taken.pop()[:2] == ("127.0.1.1", "True")
        assert not (tmp_path / "answers").exists()

        torn = DUMP.replace("/b/", "/torn/")
        assert len(answered(listener, "127.0.1.1", f"GET {torn} HTTP/1.1")[1]) == 2 * 65_536
        refused = DUMP.replace("/b/", "/no/")
        first, _ = answered(listener, "127.0.1.1", f"PUT {refused} HTTP/1.1\r\n{length}", part)
        assert first == b"HTTP/1.1 404 Not Found"
        first, _ = answered(listener, "127.0.9.1", f"GET {DUMP} HTTP/1.1")
        assert first == b"HTTP/1.1 404 Not Found"
        sending = [begun(listener, f"PUT {DUMP} HTTP/1.1\r\n{length}\r\n\r\n") for _ in range(5)]
        with contextlib.suppress(ConnectionResetError):  # counted as other questions are
            assert sending[4].recv(1) == b""
        for one in sending:
            one.close()
        api.shutdown()
    wait_until(
        lambda: answered(listener, "127.0.1.1", f"GET {DUMP} HTTP/1.1")[0] == AWAY,
        what="a place is free again",
    )


def test_a_result_that_names_many_parts_is_let_through(listener: Listener) -> None:
    length, most = "Content-Length: 200000", bytes(200_000)
    for path, expected in (("result", AWAY), ("renew", b"HTTP/1.1 413 Too Large")):
        head = f"POST /openstack/database/{path} HTTP/1.1\r\n{length}"
        body = most if path == "result" else b""
        assert answered(listener, "127.0.1.1", head, body)[0] == expected


def begun(listener: Listener, words: str) -> socket.socket:
    """Return a connection on which a guest has begun to say something."""
    place = listener.socket.getsockname()
    guest = socket.create_connection(place, timeout=PATIENCE, source_address=("127.0.1.1", 0))
    guest.sendall(words.encode())
    return guest


def _listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
        return True
    return False


def _threads(number: int) -> int:
    return len(list(Path(f"/proc/{number}/task").iterdir()))
