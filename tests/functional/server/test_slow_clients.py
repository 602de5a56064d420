"""Clients who send or read slowly, against the real API server: they are closed, all others are served."""

from __future__ import annotations

import contextlib
import select
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from threading import Event, Thread
from urllib.parse import urlsplit

import httpx
import pytest

from tests.infrastructure import Cloud, another_api, wait_until

pytestmark = pytest.mark.timeout(180)
EACH = 60
MIB = 1024**2
DATA = 24 * MIB


@pytest.fixture(scope="module")
def api(cloud: Cloud) -> Iterator[httpx.Client]:
    """An API that loses patience soon, and a user with a token."""
    settings = {
        "API_HEADER_SECONDS": "2",
        "API_BODY_SECONDS": "2",
        "API_TRANSFER_SECONDS": "2",
        "API_CONNECTIONS": "80",
    }
    with another_api(cloud, **settings) as url, httpx.Client(base_url=url, timeout=30) as client:
        user = {"name": "demo", "domain": {"id": "default"}, "password": cloud.password()}
        scope = {"project": {"name": "demo", "domain": {"id": "default"}}}
        body = {
            "auth": {
                "identity": {"methods": ["password"], "password": {"user": user}},
                "scope": scope,
            }
        }
        answer = client.post("/identity/v3/auth/tokens", json=body).raise_for_status()
        client.headers["X-Auth-Token"] = answer.headers["X-Subject-Token"]
        yield client


def new_image(api: httpx.Client, name: str) -> str:
    wanted = {"name": name, "disk_format": "raw", "container_format": "bare"}
    return str(api.post("/image/v2/images", json=wanted).raise_for_status().json()["id"])


@pytest.fixture(scope="module")
def image(api: httpx.Client) -> Iterator[str]:
    """An image with more data than the kernel holds for a client who does not read."""
    found = new_image(api, "large")
    headers = {"Content-Type": "application/octet-stream"}
    api.put(
        f"/image/v2/images/{found}/file", content=b"\0" * DATA, headers=headers
    ).raise_for_status()
    yield found
    api.delete(f"/image/v2/images/{found}")


@dataclass
class Crowd:
    """Sixty clients of one kind, from one address."""

    url: str
    address: str
    first: list[bytes]
    drips: bool = True
    sockets: list[socket.socket] = field(default_factory=list)

    def arrive(self) -> None:
        host, port = urlsplit(self.url).hostname, urlsplit(self.url).port
        for words in self.first:
            one = socket.socket()
            one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            one.bind((self.address, 0))
            one.settimeout(10)
            one.connect((host, port))
            one.sendall(words)
            self.sockets.append(one)

    def drip(self) -> None:
        if self.drips:
            for one in self.sockets:
                with contextlib.suppress(OSError):
                    one.send(b"a")

    def open(self) -> int:
        """Return how many the server has not ended."""
        poll = select.poll()
        for one in self.sockets:
            poll.register(one, select.POLLRDHUP)
        return len(self.sockets) - len(poll.poll(0))

    def leave(self) -> None:
        for one in self.sockets:
            one.close()


def head(method: str, path: str, *headers: str) -> bytes:
    return "\r\n".join((f"{method} {path} HTTP/1.1", "Host: localhost", *headers, "", "")).encode()


def test_sixty_slow_clients_of_each_kind_stop_nobody(api: httpx.Client, image: str) -> None:
    url, token = str(api.base_url), f"X-Auth-Token: {api.headers['X-Auth-Token']}"
    images = [new_image(api, f"slow {number}") for number in range(EACH // 2)]
    json = ("Content-Type: application/json", "Content-Length: 100000")
    data = ("Content-Type: application/octet-stream", f"Content-Length: {8 * MIB}", token)
    crowds = {
        "silent": Crowd(url, "127.0.0.2", [b""] * EACH, drips=False),
        "headers": Crowd(url, "127.0.0.3", [b"GET /healthz HTTP/1.1\r\nX-A: "] * EACH),
        "second request": Crowd(url, "127.0.0.4", [head("GET", "/identity") + b"\r\n"] * EACH),
        "body": Crowd(url, "127.0.0.5", [head("POST", "/identity/v3/auth/tokens", *json)] * EACH),
        "upload": Crowd(
            url,
            "127.0.0.6",
            [head("PUT", f"/image/v2/images/{one}/file", *data) for one in images],
        ),
        "download": Crowd(
            url,
            "127.0.0.7",
            [head("GET", f"/image/v2/images/{image}/file", token)] * EACH,
            drips=False,
        ),
    }
    over = Event()

    def drip() -> None:
        while not over.wait(0.2):
            for crowd in crowds.values():
                crowd.drip()

    dripping = Thread(target=drip)
    try:
        for crowd in crowds.values():
            crowd.arrive()
        dripping.start()
        served: list[tuple[int, int]] = []
        while any(crowd.open() for crowd in crowds.values()):
            served.append((httpx.get(f"{url}/healthz", timeout=30).status_code,
                           api.get("/image/v2/images?limit=1", timeout=30).status_code))  # fmt: skip
            assert len(served) < 1000, {name: crowd.open() for name, crowd in crowds.items()}
            time.sleep(0.02)
    finally:
        over.set()
        dripping.join()
        for crowd in crowds.values():
            crowd.leave()
    assert len(served) > 2
    assert set(served) == {(200, 200)}

    # Whoever comes next finds the images as they were.
    def statuses() -> set[str]:
        return {api.get(f"/image/v2/images/{one}").json()["status"] for one in images}

    wait_until(lambda: statuses() == {"queued"}, what="the uploads are given up")
    for one in images:
        api.delete(f"/image/v2/images/{one}")


def test_one_address_has_so_many_connections(api: httpx.Client) -> None:
    """Others are served while it has its fill; its next one is told at once."""
    url = str(api.base_url)
    crowd = Crowd(url, "127.0.0.9", [b""] * 80, drips=False)
    crowd.arrive()
    more = Crowd(url, "127.0.0.9", [head("GET", "/identity")], drips=False)
    more.arrive()
    try:
        assert b" 429 " in more.sockets[0].recv(100)
        assert httpx.get(f"{url}/healthz", timeout=30).status_code == 200
    finally:
        crowd.leave()
        more.leave()

    def welcome() -> bool:
        again = Crowd(url, "127.0.0.9", [head("GET", "/healthz")], drips=False)
        again.arrive()
        try:
            return b" 200 " in again.sockets[0].recv(100)
        finally:
            again.leave()

    wait_until(welcome, what="who left is not counted")


def test_a_client_who_goes_away_in_the_middle_of_an_upload_leaves_a_queued_image(
    api: httpx.Client,
) -> None:
    image = new_image(api, "broken off")
    path = f"/image/v2/images/{image}"
    head_of = head("PUT", f"{path}/file", "Content-Type: application/octet-stream",
                   f"Content-Length: {8 * MIB}", f"X-Auth-Token: {api.headers['X-Auth-Token']}")  # fmt: skip
    one = Crowd(str(api.base_url), "127.0.0.1", [head_of + b"\0" * MIB])
    one.arrive()

    def status() -> str:
        return str(api.get(path).json()["status"])

    wait_until(lambda: status() == "saving", what="the upload begins")
    one.leave()
    wait_until(lambda: status() == "queued", what="the upload is given up")
    api.delete(path)


def test_a_server_that_ends_gives_up_its_uploads_in_time(cloud: Cloud, api: httpx.Client) -> None:
    """Its supervisor waits three and a half seconds."""
    image = new_image(api, "ended")
    path = f"/image/v2/images/{image}"

    def status() -> str:
        return str(api.get(path).json()["status"])

    with another_api(cloud) as url:
        words = head("PUT", f"{path}/file", "Content-Type: application/octet-stream",
                     f"Content-Length: {8 * MIB}", f"X-Auth-Token: {api.headers['X-Auth-Token']}")  # fmt: skip
        one = Crowd(url, "127.0.0.1", [words + b"\0" * MIB])
        one.arrive()
        wait_until(lambda: status() == "saving", what="the upload begins")
    wait_until(lambda: status() == "queued", what="the upload is given up")
    one.leave()
    api.delete(path)
