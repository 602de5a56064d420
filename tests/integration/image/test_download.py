"""Downloads from real servers on the loopback: what is reached, what is refused, when it ends."""

from __future__ import annotations

import dataclasses
import gzip
import os
import socket
from collections.abc import Iterator, Sequence
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from image.download.addresses import Address, networks
from image.download.client import (
    MAX_HOPS,
    Download,
    DownloadBroke,
    DownloadTooSlow,
    Limits,
    download,
)
from image.download.connecting import Resolver, system_resolver
from image.download.rules import Rules, UrlRefused
from tests.builders.web import WebServer, certificate, says, web_server

DATA = os.urandom(300_000)
LIMITS = Limits(connect=5, idle=10, total=30)
LOOPBACK = networks(["127.0.0.1/32"])


def rules(*servers: WebServer, **values: Any) -> Rules:
    wanted: dict[str, Any] = {
        "schemes": ["http", "https"],
        "ports": [server.port for server in servers],
        "hosts": [],
        "deny_hosts": [],
        "allow": LOOPBACK,
    }
    return Rules(**(wanted | values))


class Dns:
    """A name service that answers what it was told, in turn, and counts."""

    def __init__(self, *answers: str | Sequence[str]) -> None:
        self.answers = [[one] if isinstance(one, str) else list(one) for one in answers]
        self.asked: list[str] = []

    def __call__(self, host: str, port: int) -> list[Address]:
        self.asked.append(host)
        texts = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return [ip_address(text) for text in texts]


def fetch(
    url: str,
    wanted: Rules,
    *,
    limits: Limits = LIMITS,
    resolve: Resolver = system_resolver,
) -> bytes:
    with download(url, rules=wanted, limits=limits, resolve=resolve) as source:
        return b"".join(_pieces(source))


def _pieces(source: Download) -> Iterator[bytes]:
    while piece := source.read(100_000):
        assert len(piece) <= 100_000
        yield piece


def test_data_comes_as_it_is_sent() -> None:
    with (
        web_server(says("200 OK", DATA)) as server,
        download(f"{server.url}/disk?x=1", rules=rules(server), limits=LIMITS) as source,
    ):
        assert source.length == len(DATA)
        assert b"".join(_pieces(source)) == DATA
    (head,) = server.heads
    assert head.startswith("GET /disk?x=1 HTTP/1.1\r\n")
    lowered = head.lower()
    assert f"host: 127.0.0.1:{server.port}\r\n" in lowered
    assert "accept-encoding: identity\r\n" in lowered
    for word in ("authorization", "cookie", "x-auth-token", "referer"):
        assert word not in lowered


def test_chunked_data_has_no_length() -> None:
    def script(connection: socket.socket, _: str) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for start in range(0, len(DATA), 70_000):
            piece = DATA[start : start + 70_000]
            connection.sendall(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
        connection.sendall(b"0\r\n\r\n")

    with web_server(script) as server:
        assert fetch(server.url, rules(server)) == DATA


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:{port}/", "http://127.1:{port}/", "http://2130706433:{port}/",
     "http://0x7f.1:{port}/", "http://0177.0.0.1:{port}/", "http://localhost:{port}/",
     "http://[::ffff:127.0.0.1]:{port}/", "http://[::ffff:7f00:1]:{port}/", "http://0:{port}/"],
)  # fmt: skip
def test_this_machine_is_not_reached_by_any_name(url: str) -> None:
    with web_server(says("200 OK", b"secret")) as server:
        with pytest.raises((UrlRefused, DownloadBroke)) as refused:
            fetch(url.format(port=server.port), rules(server, allow=[]))
        assert server.heads == []
    assert isinstance(refused.value, UrlRefused)


def test_a_name_of_a_private_address_is_refused_without_a_connection() -> None:
    with web_server(says("200 OK", b"secret")) as server:
        for answer in ("127.0.0.1", "169.254.169.254", "::1", "fd00:ec2::254", "::ffff:127.0.0.1"):
            with pytest.raises(UrlRefused) as refused:
                fetch(
                    f"http://rebind.example:{server.port}/",
                    rules(server, allow=[]),
                    resolve=Dns(answer),
                )
            assert answer not in refused.value.message
        assert server.heads == []


def test_a_name_is_resolved_once_and_what_was_checked_is_reached() -> None:
    """Rebinding: the second answer, which nobody checked, is never asked for."""
    dns = Dns("127.0.0.1", "127.0.0.2")
    with web_server(says("200 OK", DATA)) as server:
        url = f"http://rebind.example:{server.port}/x"
        assert fetch(url, rules(server), resolve=dns) == DATA
        assert dns.asked == ["rebind.example"]
        assert f"host: rebind.example:{server.port}" in server.heads[0].lower()


def test_of_several_addresses_only_the_allowed_are_tried() -> None:
    with web_server(says("200 OK", b"secret"), host="127.0.0.2") as inside:
        dns = Dns(["127.0.0.2", "127.0.0.1"])
        with pytest.raises(DownloadBroke):  # 127.0.0.1 is allowed, and nobody listens there
            fetch(f"http://mixed.example:{inside.port}/", rules(inside), resolve=dns)
        assert inside.heads == []


def test_each_redirect_is_checked_anew() -> None:
    with web_server(says("200 OK", b"secret"), host="127.0.0.2") as inside:
        dns = Dns("127.0.0.1", "127.0.0.2")
        for location in (
            f"http://127.0.0.2:{inside.port}/",
            f"http://inside.example:{inside.port}/",
            f"//127.0.0.2:{inside.port}/",
            "http://127.0.0.1:1/",
            "file:///etc/passwd",
            "ftp://127.0.0.1/",
            f"http://user:word@127.0.0.1:{inside.port}/",
            "",
        ):
            dns.answers = [[ip] for ip in ("127.0.0.1", "127.0.0.2")]
            with web_server(says("302 Found", b"", f"Location: {location}")) as outside:
                with pytest.raises(UrlRefused):
                    fetch(
                        f"http://outside.example:{outside.port}/",
                        rules(inside, outside),
                        resolve=dns,
                    )
                assert len(outside.heads) == 1
        assert inside.heads == []


def test_redirects_are_followed_so_far() -> None:
    def script(connection: socket.socket, head: str) -> None:
        left = int(head.split()[1].rpartition("/")[2])
        if left:
            says("307 Temporary Redirect", b"ignored", f"Location: {left - 1}")(connection, head)
        else:
            says("200 OK", DATA)(connection, head)

    with web_server(script) as server:
        assert fetch(f"{server.url}/a/{MAX_HOPS}", rules(server)) == DATA
        with pytest.raises(UrlRefused, match="redirected"):
            fetch(f"{server.url}/a/{MAX_HOPS + 1}", rules(server))


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ("404 Not Found", UrlRefused),
        ("401 Unauthorized", UrlRefused),
        ("206 Partial Content", UrlRefused),
        ("304 Not Modified", UrlRefused),
        ("500 Oops", DownloadBroke),
        ("503 Away", DownloadBroke),
        ("429 Slowly", DownloadBroke),
    ],
)
def test_other_answers_are_failures(answer: str, error: type[Exception]) -> None:
    with web_server(says(answer, b"")) as server, pytest.raises(error) as said:
        fetch(f"{server.url}/disk?signature=s3cret", rules(server))
    assert answer[:3] in str(said.value)
    assert "s3cret" not in str(said.value)


def test_compressed_data_is_refused_not_unpacked() -> None:
    packed = gzip.compress(bytes(10**6))
    with (
        web_server(says("200 OK", packed, "Content-Encoding: gzip")) as server,
        pytest.raises(UrlRefused, match="compressed"),
    ):
        fetch(server.url, rules(server))


def test_data_that_ends_too_soon_is_no_image() -> None:
    def script(connection: socket.socket, _: str) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nonly this")

    with web_server(script) as server, pytest.raises(DownloadBroke):
        fetch(server.url, rules(server))


@pytest.mark.parametrize("what", ["silence", "slow head", "slow body", "garbage", "endless head"])
def test_a_server_that_keeps_us_waiting_is_left(what: str) -> None:
    def script(connection: socket.socket, _: str) -> None:
        if what == "garbage":
            connection.sendall(b"\x00\x01\x02 nonsense\r\n\r\n" * 100)
            return
        if what != "silence":
            connection.sendall(b"HTTP/1.1 200 OK\r\n")
        if what == "slow body":
            connection.sendall(b"Content-Length: 100000\r\n\r\n")
        while not server.closing.wait(0 if what == "endless head" else 0.05):
            if what == "endless head":
                connection.sendall(b"X-Filler: " + b"x" * 50_000 + b"\r\n")
            elif what != "silence":
                connection.sendall(b"x")

    limits = Limits(connect=5, idle=0.5 if what == "silence" else 5, total=1.5)
    with web_server(script) as server, pytest.raises(DownloadBroke):
        fetch(server.url, rules(server), limits=limits)


@pytest.mark.parametrize("what", ["head", "body"])
def test_a_server_that_drips_is_given_up(what: str) -> None:
    """Each byte comes in time, so that no wait is long; the whole would take days."""

    def script(connection: socket.socket, _head: str) -> None:
        answer = b"HTTP/1.1 200 OK\r\nX-Padding: " + b"x" * 1000
        if what == "body":
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
            answer = bytes(1000)
        for number in range(len(answer)):
            connection.sendall(answer[number : number + 1])
            if server.closing.wait(0.02):
                return

    limits = dataclasses.replace(LIMITS, connect=0.1, idle=0.4, rate=2048, window=0.5)
    error, words = (
        (DownloadBroke, "took too long") if what == "head" else (DownloadTooSlow, "KiB/s")
    )
    with web_server(script) as server, pytest.raises(error, match=words):
        fetch(server.url, rules(server), limits=limits)


def test_a_slow_disk_of_ours_is_not_the_servers_fault() -> None:
    limits = dataclasses.replace(LIMITS, rate=10**12, window=20)
    with (
        web_server(says("200 OK", DATA)) as server,
        download(server.url, rules=rules(server), limits=limits) as source,
    ):
        source._waited = 0.0
        assert b"".join(_pieces(source)) == DATA
        assert source._waited < limits.window


def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with web_server(says("200 OK", b"by proxy")) as proxy:
        for word in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(word, proxy.url)
        with web_server(says("200 OK", DATA)) as server:
            assert fetch(server.url, rules(server)) == DATA
        assert proxy.heads == []


class TestTls:
    """https: the certificate must be of the name in the URL though the connection goes to a number."""

    def test_a_valid_certificate(self, tmp_path: Path) -> None:
        ca, context = certificate(tmp_path, "disks.example")
        names: list[str | None] = []
        context.sni_callback = lambda _socket, name, _context: names.append(name)
        with web_server(says("200 OK", DATA), context=context) as server:
            url = f"https://disks.example:{server.port}/"
            got = fetch(url, rules(server, ca=str(ca)), resolve=Dns("127.0.0.1"))
        assert got == DATA
        assert names == ["disks.example"]

    def test_another_name_or_an_unknown_authority_is_refused(self, tmp_path: Path) -> None:
        ca, context = certificate(tmp_path, "disks.example")
        with web_server(says("200 OK", DATA), context=context) as server:
            trusted = rules(server, ca=str(ca))
            with pytest.raises(UrlRefused, match="certificate"):
                fetch(f"https://other.example:{server.port}/", trusted, resolve=Dns("127.0.0.1"))
            with pytest.raises(UrlRefused, match="certificate"):
                fetch(
                    f"https://disks.example:{server.port}/",
                    dataclasses.replace(trusted, ca=""),
                    resolve=Dns("127.0.0.1"),
                )
        assert server.heads == []

    def test_no_redirect_to_plain_http(self, tmp_path: Path) -> None:
        ca, context = certificate(tmp_path, "disks.example")
        with (
            web_server(says("200 OK", DATA)) as plain,
            web_server(
                says("302 Found", b"", f"Location: {plain.url}/"), context=context
            ) as server,
            pytest.raises(UrlRefused, match="plain"),
        ):
            fetch(
                f"https://disks.example:{server.port}/",
                rules(server, plain, ca=str(ca)),
                resolve=Dns("127.0.0.1"),
            )
        assert plain.heads == []
