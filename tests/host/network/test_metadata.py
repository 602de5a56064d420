"""The metadata proxy, from a guest through its own process to a pretended API."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import http.server
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cloudweb import process
from network.drivers.linuxbridge.port_chains import link_local
from tests.builders.ports import make_network, make_port, make_subnet, make_subnet6, port_ref
from tests.host.network.bench import KernelBench, make_flat_network
from tests.host.network.guests import Guest
from tests.host.network.waiting import appears

pytestmark = pytest.mark.host
SIX = "fe80::a9fe:a9fe"
KEY = b"the key of host h1"
PATH = "/openstack/latest/meta_data.json"


class PretendedApi:
    """Answers like the API, or not at all, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, str], bytes]] = []
        self.status, self.answer = 200, b'{"name": "vm"}'
        self.torn = False
        api = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                length = int(self.headers.get("Content-Length", "0"))
                api.asked.append((self.path, dict(self.headers.items()), self.rfile.read(length)))
                self.send_response(api.status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(api.answer) + (9 if api.torn else 0)))
                self.end_headers()
                self.wfile.write(api.answer)

            do_POST = do_GET  # noqa: N815

            def log_message(self, *args: object) -> None:
                """Say nothing."""

        self._handler = Handler
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._serve()

    def _serve(self) -> None:
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def go_away(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def api() -> Iterator[PretendedApi]:
    made = PretendedApi()
    yield made
    made.go_away()


@pytest.fixture
def bench(tmp_path: Path, api: PretendedApi) -> Iterator[KernelBench]:
    key = tmp_path / "host.key"
    key.write_bytes(KEY + b"\n")
    made = KernelBench(tmp_path, metadata_url=api.url, host_key=key)
    yield made
    made.close()


def fetch(
    guest: Guest,
    path: str = PATH,
    *,
    head: str = "",
    method: str = "GET",
    at: str = "169.254.169.254",
    source: str = "",
) -> tuple[int, bytes]:
    """Return (status, body) of what the guest is answered on the metadata address."""

    def connected() -> socket.socket:
        near = "%eth0" if ":" in at else ""
        own = (source, 0, 0, socket.if_nametoindex("eth0")) if source else None
        return socket.create_connection((f"{at}{near}", 80), 5, own)  # type: ignore[arg-type]

    listening: list[socket.socket] = []

    def try_to_connect() -> bool:
        try:
            listening.append(guest.inside(connected))
        except ConnectionRefusedError:
            return False
        return True

    appears(try_to_connect)
    with listening[0] as connection:
        connection.sendall(
            f"{method} {path} HTTP/1.1\r\nHost: 169.254.169.254\r\n{head}\r\n".encode()
        )
        answer = b""
        while piece := connection.recv(65_536):
            answer += piece
    first, _, body = answer.partition(b"\r\n\r\n")
    return int(first.split(b" ")[1]), body


def test_the_api_is_asked_with_signed_headers_and_nothing_a_guest_forged(
    api: PretendedApi, make_guest: Callable[..., Guest]
) -> None:
    guest = make_guest(make_port(make_network(), "10.5.0.11", rules=()))
    forged = (
        "X-Cloudweb-Address: 10.5.0.99\r\nx-cloudweb-signature: 00\r\nX-Forwarded-For: 1.2.3.4\r\n"
        "Connection: keep-alive\r\nX-Metadata-Token: mine\r\n"
    )
    assert fetch(guest, head=forged) == (200, api.answer)
    ((path, headers, _body),) = api.asked
    assert path == f"/metadata{PATH}"
    text = "\n".join(
        ("h1", guest.port.network.id, "10.5.0.11", headers["X-Cloudweb-Timestamp"], PATH)
    )
    assert (
        headers["X-Cloudweb-Signature"] == hmac.new(KEY, text.encode(), hashlib.sha256).hexdigest()
    )
    assert headers["X-Cloudweb-Host"] == "h1"
    assert headers["X-Cloudweb-Network"] == guest.port.network.id
    assert headers["X-Cloudweb-Address"] == "10.5.0.11"
    assert headers["X-Metadata-Token"] == "mine"
    assert not {"X-Forwarded-For", "x-cloudweb-signature"} & set(headers)
    assert headers["Connection"] == "close"


def test_while_the_api_is_away_the_last_good_answer_is_given(
    api: PretendedApi, bench: KernelBench, make_guest: Callable[..., Guest]
) -> None:
    network = make_network()
    guest = make_guest(make_port(network, "10.5.0.11"))
    other = make_guest(make_port(network, "10.5.0.12"))
    good = api.answer
    assert fetch(guest) == (200, good)
    api.status, api.answer = 404, b"gone"
    assert fetch(guest) == (404, b"gone")
    for api.status in (500, 503, 403):
        assert fetch(guest) == (200, good)
    api.status, api.torn = 200, True
    assert fetch(guest) == (200, good)
    api.go_away()
    assert fetch(guest) == (200, good)
    assert fetch(other)[0] == 503
    assert fetch(guest, "/openstack/latest/user_data")[0] == 503
    bench.agent.unplug(port_ref(guest.port))
    heir = make_guest(make_port(network, "10.5.0.11"))
    assert fetch(heir)[0] == 503


def test_a_guest_that_hoards_connections_keeps_nobody_else_out(
    api: PretendedApi, make_guest: Callable[..., Guest]
) -> None:
    network = make_network()
    hoarder = make_guest(make_port(network, "10.5.0.11"))
    other = make_guest(make_port(network, "10.5.0.12"))
    assert fetch(hoarder)[0] == 200
    place = ("169.254.169.254", 80)
    with contextlib.ExitStack() as held:
        for _ in range(4):
            held.enter_context(hoarder.inside(lambda: socket.create_connection(place, 2)))
        refused = held.enter_context(hoarder.inside(lambda: socket.create_connection(place, 2)))
        assert refused.recv(16) == b""
        assert fetch(other)[0] == 200


@pytest.mark.parametrize(
    ("path", "method", "head", "status"),
    [
        ("/../identity", "GET", "", 400),
        ("/%2e%2E/identity", "GET", "", 400),
        ("/a%2f..%2fb", "GET", "", 400),
        ("http://example.com/", "GET", "", 400),
        ("/" + "a" * 2000, "GET", "", 400),
        (PATH, "DELETE", "", 405),
        (PATH, "POST", "Content-Length: 70000\r\n", 413),
        (PATH, "POST", "Content-Length: -1\r\n", 400),
        (PATH, "POST", "Transfer-Encoding: chunked\r\n", 400),
        (PATH, "GET", " folded: header\r\n", 400),
    ],
)
def test_bad_questions_are_refused_without_asking(
    api: PretendedApi,
    make_guest: Callable[..., Guest],
    path: str,
    method: str,
    head: str,
    status: int,
) -> None:
    guest = make_guest(make_port(make_network(), "10.5.0.11"))
    assert fetch(guest, path, method=method, head=head)[0] == status
    assert not api.asked


def test_a_body_and_no_query_string_are_passed_on(
    api: PretendedApi, make_guest: Callable[..., Guest]
) -> None:
    guest = make_guest(make_port(make_network(), "10.5.0.11"))
    head = "Content-Length: 6\r\nContent-Type: text/plain\r\n"
    assert fetch(guest, "/password?x=1", method="POST", head=head + "\r\nsecret")[0] == 200
    path, _headers, body = api.asked[0]
    assert (path, body) == ("/metadata/password", b"secret")


def test_nobody_asks_from_anothers_address(
    api: PretendedApi, make_guest: Callable[..., Guest]
) -> None:
    """Not even a port without port security, or one whose allowed pairs hold the address."""
    guest = make_guest(make_port(make_network(), "10.5.0.11", port_security=False))
    assert fetch(guest)[0] == 200
    guest.ip("addr", "del", "10.5.0.11/24", "dev", "eth0")
    guest.configure("10.5.0.99")
    assert not guest.connects("169.254.169.254", 80)
    assert len(api.asked) == 1


def test_the_proxy_goes_on_without_the_agent_and_is_one_for_all_networks(
    api: PretendedApi, bench: KernelBench, make_guest: Callable[..., Guest]
) -> None:
    red = make_guest(make_port(make_network(), "10.5.0.11"))
    blue = make_guest(make_port(make_network(), "10.5.0.11"))
    assert fetch(red)[0] == fetch(blue)[0] == 200
    asked = [headers["X-Cloudweb-Network"] for _, headers, _ in api.asked]
    assert asked == [red.port.network.id, blue.port.network.id]
    pid = bench.driver._metadata.pid()
    assert pid is not None
    assert os.getsid(pid) != os.getsid(0)
    bench.restart()
    assert bench.driver._metadata.pid() == pid
    (bench.directory / "driver/metadata/proxy.pid").unlink()
    assert bench.driver._metadata.pid() == pid
    os.kill(pid, signal.SIGKILL)
    appears(lambda: not process.is_running(pid, exe=f"python{sys.version[:4]}"))
    bench.restart()
    assert fetch(red)[0] == 200


def test_the_first_answer_is_a_milestone_told_once(
    api: PretendedApi, bench: KernelBench, make_guest: Callable[..., Guest]
) -> None:
    guest = make_guest(make_port(make_network(), "10.5.0.11"))
    fetch(guest)
    (milestone,) = bench.agent.milestones()
    assert (milestone.port_id, milestone.kind) == (guest.port.id, "metadata")
    bench.agent.forget_milestones([milestone])
    fetch(guest)
    assert not bench.agent.milestones()


def test_on_a_flat_network(
    api: PretendedApi, bench: KernelBench, make_guest: Callable[..., Guest]
) -> None:
    network = make_flat_network()
    gateway = str(network.subnets[0].gateway_ip)
    address = f"{gateway}1"
    guest = make_guest(make_port(network, address, rules=()))
    assert fetch(guest) == (200, api.answer)
    assert api.asked[0][1]["X-Cloudweb-Address"] == address
    assert not guest.connects(gateway, bench.config.metadata_port)


def test_it_is_asked_by_ipv6_too_by_a_guest_that_has_no_other_address(
    api: PretendedApi, make_guest: Callable[..., Guest]
) -> None:
    network = make_network(subnets=(make_subnet(), make_subnet6()))
    both = make_guest(make_port(network, "10.5.0.11", rules=()))
    six = make_guest(make_port(network, "fd05::12", rules=()))
    for guest, known_as in ((six, "fd05::12"), (both, "10.5.0.11")):
        assert fetch(guest, at=SIX) == (200, api.answer)
        _, headers, _ = api.asked[-1]
        assert headers["X-Cloudweb-Address"] == known_as
        assert headers["X-Cloudweb-Network"] == network.id
    assert fetch(both) == (200, api.answer)  # as before


def test_nobody_asks_by_ipv6_as_somebody_else(
    api: PretendedApi, make_guest: Callable[..., Guest]
) -> None:
    network = make_network(subnets=(make_subnet(), make_subnet6()))
    one = make_guest(make_port(network, "10.5.0.11", rules=()))
    free = make_guest(make_port(network, "10.5.0.12", rules=(), port_security=False))
    theirs = str(link_local(one.port.mac))
    one.ip("link", "set", "eth0", "down")
    free.ip("link", "set", "eth0", "address", one.port.mac)  # all of it: its port may
    free.ip("addr", "add", f"{theirs}/64", "dev", "eth0", "nodad")
    with pytest.raises(TimeoutError):
        fetch(free, at=SIX, source=theirs)
    assert not api.asked
