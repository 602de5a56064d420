"""Brings guests' questions to the metadata API: one small process a host, for all its networks.

Run by path, isolated (``python -I -S metadata_proxy.py DIRECTORY``), so it imports the standard library
alone and stays small. It outlives the agent and takes its orders from files that the agent replaces:

* ``proxy.json``: ``host``, ``url`` of the API, ``key_file`` with the host's key (its bytes, stripped).
* ``networks/<network id>.json``: ``namespace`` (a name under /run/netns, or null), ``address`` and
  ``port`` to listen on there, ``ports``: source address -> port id. Anyone else is answered 404.
  ``projects``: port id -> project id. A network has a second file where it is asked by IPv6 too: that says
  ``network`` and ``interface``, and ``known_as``: source address -> the address that the API knows.

A guest's ``GET <path>`` becomes ``GET <url>/metadata<path>`` (no query string) with these headers,
whatever the guest sent under such names:

* ``X-Cloudweb-Host``: this host's name
* ``X-Cloudweb-Network``: the network's id
* ``X-Cloudweb-Address``: the guest's address, which the anti-spoofing filters vouch for
* ``X-Cloudweb-Timestamp``: Unix time, whole seconds
* ``X-Cloudweb-Signature``: hex HMAC-SHA256 under the host's key of
  ``f"{host}\\n{network_id}\\n{address}\\n{timestamp}\\n{path}"`` in UTF-8; of what a guest sends also
  ``f"\\n{method}\\n{sha256 of the body in hex}"``

While the API is away (no answer, a 5xx, or it does not know this host's signature), a port's last
good answers come from ``answers/<port id>/``.
A port, a project on a network and a network may hold so many connections (``LIMITS``), however many
addresses they come from. Where a network or the whole is full, who holds most gives one up.
A poll (``POST`` to one of ``POLLS``) waits for the API's answer without a thread, and is counted apart: so
many of a port, a network and in all (``POLLS_HELD``); the oldest gives way to the newest, and asks again.
A part of a database's backup (``STREAMED``) passes through, of any size: piece by piece, at ``STREAM_RATE`` at least,
and signed with ``f"\\nPUT\\n"`` alone. It is a connection like others, and gives way as one that is still read.
``milestones/<network id>/seen/<port id>`` appears when a port got its first answer, unless the agent
has moved it to ``told/`` before.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import hashlib
import hmac
import json
import os
import resource
import select
import signal
import socket
import sys
import threading
import time
from pathlib import Path
from typing import Any

CLONE_NEWNET = 0x40000000
IP_FREEBIND = 15
IN_CHANGES = 0x80 | 0x40 | 0x200  # moved to, moved from, deleted
HEAD_LIMIT, BODY_LIMIT, LOG_LIMIT = 16_384, 65_536, 1_000_000
#: A database that begins with a log of half a year is told of each of its pieces.
ANSWER_LIMIT = 20 << 20
ANSWERS_KEPT = 64
CONNECTIONS = 128
LIMITS = {"port": 4, "project": 16, "network": 48}
POLLS = frozenset({"/openstack/database/mailbox"})
LONG = {"/openstack/database/result": 262_144}  # it names hundreds of a backup's parts
STREAMED = "/openstack/database/dumps/"
STREAM_RATE = 65_536  # bytes a second; who is slower is cut off, and sends that part again
#: In all fewer than the API lets in from one address (API_CONNECTIONS), so that questions get through.
POLLS_HELD = {"port": 2, "network": 128, "all": 192}
FILES = 4096  # two for each poll that is held
POLL_TIMEOUT = 40.0  # the API holds a poll for 25 seconds
GONE = 0x2000 | select.POLLHUP | select.POLLERR  # POLLRDHUP
GUEST_TIMEOUT, API_TIMEOUT = 10.0, 10.0  # for a whole question, for a whole answer
RESCAN = 10.0
METHODS = ("GET", "HEAD", "POST", "PUT")
NOT_FORWARDED = frozenset(
    {
        *("connection", "proxy-connection", "keep-alive", "te", "trailer", "transfer-encoding"),
        *("upgrade", "proxy-authenticate", "proxy-authorization", "expect", "host"),
        *("content-length", "accept-encoding", "forwarded", "authorization", "cookie"),
    }
)
NOT_FORWARDED_PREFIXES = ("x-forwarded", "x-cloudweb", "x-real-ip")
REASONS = {400: "Bad Request", 404: "Not Found", 405: "Method Not Allowed", 413: "Too Large"}
_libc = ctypes.CDLL(None, use_errno=True)

Headers = list[tuple[str, str]]


class Refused(Exception):
    """A question that is answered here, with this status."""

    def __init__(self, status: int) -> None:
        self.status = status
        super().__init__(str(status))


class ApiAway(Exception):
    """The API did not answer, or not sensibly."""


class Asker:
    """A guest's connection, and whose it is: all addresses that are no port's are one asker's."""

    def __init__(self, listener: Listener, connection: socket.socket, address: str) -> None:
        self.connection, self.address, self.is_reading = connection, address, True
        network, spec = listener.network_id, listener.spec
        port = str(spec["ports"].get(address, ""))
        project = str(spec.get("projects", {}).get(port, ""))
        self.network = ("network", network)
        self.project = ("project", f"{network} {project}")
        self.port = ("port", f"{network} {port}")

    def gives_way(self) -> None:
        """End it from another thread: who reads finds the end, who writes an error."""
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)


class Held:
    """A poll that the API has not answered: both connections, and until when it is waited for."""

    def __init__(self, asker: Asker, guest: socket.socket, api: socket.socket, path: str) -> None:
        self.asker, self.guest, self.api, self.path = asker, guest, api, path
        self.until, self.begun = time.monotonic() + POLL_TIMEOUT, b""

    def is_answered(self) -> bool:
        """Tell whether what came is the answer's beginning, not a word of TLS itself."""
        self.api.setblocking(False)
        try:
            self.begun = self.api.recv(16_384)
        except OSError as error:
            return type(error).__name__ != "SSLWantReadError"
        return True

    def close(self) -> None:
        """End both connections."""
        self.guest.close()
        self.api.close()


class Listener:
    """One network: a socket opened inside its namespace and served from here."""

    def __init__(self, network_id: str, spec: dict[str, Any]) -> None:
        self.network_id, self.spec = str(spec.get("network", network_id)), spec
        self.socket = _listen(
            spec["namespace"], spec["address"], spec["port"], str(spec.get("interface", ""))
        )

    @property
    def place(self) -> tuple[Any, ...]:
        """Return where it listens; another place needs another socket."""
        return _place(self.spec)


class Proxy:
    """Listens wherever the files say and serves each connection in a thread."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.listeners: dict[str, Listener] = {}
        self._lock = threading.Lock()
        self._open: list[Asker] = []
        self._held_polls: list[Held] = []
        self._bell, self._ring = os.pipe()
        os.set_blocking(self._bell, False)

    def run(self) -> None:
        """Serve until the process is ended."""
        networks = self.directory / "networks"
        networks.mkdir(parents=True, exist_ok=True)
        watch = _libc.inotify_init1(os.O_CLOEXEC | os.O_NONBLOCK)
        _libc.inotify_add_watch(watch, os.fsencode(networks), IN_CHANGES)
        while True:
            self.read_networks()
            waiting = {found.socket.fileno(): found for found in self.listeners.values()}
            poll = select.poll()
            for number in (watch, self._bell, *waiting):
                poll.register(number, select.POLLIN)
            with self._lock:
                held = {one.api.fileno(): one for one in self._held_polls}
                guests = {one.guest.fileno(): one for one in self._held_polls}
            for number in held:
                poll.register(number, select.POLLIN)
            for number in guests:
                poll.register(number, GONE)
            for number, _events in poll.poll(RESCAN * 1000):
                if number in waiting:
                    self._accept(waiting[number])
                elif number in held or number in guests:
                    self._news(held.get(number) or guests[number], answered=number in held)
                else:
                    with contextlib.suppress(BlockingIOError):
                        os.read(number, 65_536)
            self._end_late_polls()
            _trim_log()

    def read_networks(self) -> None:
        """Open and close sockets as the files say; a namespace that is not there yet is tried again.

        A damaged file changes nothing: the network is served as it was until the agent writes it again.
        """
        told: dict[str, dict[str, Any]] = {}
        for file in (self.directory / "networks").glob("*.json"):
            try:
                told[file.stem] = _spec(json.loads(file.read_bytes()))
            except FileNotFoundError:
                continue
            except (OSError, ValueError, TypeError, LookupError, AttributeError, RecursionError):
                say(f"network {file.stem}: {file} cannot be read")
                if file.stem in self.listeners:
                    told[file.stem] = self.listeners[file.stem].spec
        for network_id, listener in list(self.listeners.items()):
            spec = told.get(network_id)
            if spec is None or _place(spec) != listener.place:
                listener.socket.close()
                del self.listeners[network_id]
            else:
                listener.spec = spec
        for network_id, spec in told.items():
            if network_id not in self.listeners:
                try:
                    self.listeners[network_id] = Listener(network_id, spec)
                except OSError as error:
                    say(f"network {network_id}: {error}")

    def _hold(self, held: Held) -> None:
        """Wait for a poll's answer without a thread; a port's oldest, or who has most, gives way."""
        with self._lock:
            port = [one for one in self._held_polls if one.asker.port == held.asker.port]
            network = [one for one in self._held_polls if one.asker.network == held.asker.network]
            for mine, most in ((port, "port"), (network, "network"), (self._held_polls, "all")):
                if len(mine) >= POLLS_HELD[most] and mine[0] in self._held_polls:
                    self._held_polls.remove(mine[0])
                    with contextlib.suppress(OSError):
                        mine[0].guest.shutdown(socket.SHUT_RDWR)
                    mine[0].close()
            self._held_polls.append(held)
        os.write(self._ring, b"1")

    def _news(self, held: Held, *, answered: bool) -> None:
        """Pass a poll's answer on, in a thread; forget one whose guest is gone."""
        with self._lock:
            if held not in self._held_polls:
                return
            if answered and not held.is_answered():
                return
            self._held_polls.remove(held)
        if answered:
            threading.Thread(target=self._pass_on, args=(held,), daemon=True).start()
        else:
            held.close()

    def _pass_on(self, held: Held) -> None:
        try:
            try:
                late = time.monotonic() + API_TIMEOUT
                status, headers, answer = read_api(held.api, "POST", late, begun=held.begun)
            except (ApiAway, OSError, ValueError) as error:
                say(f"{held.asker.address} {held.path}: {error}")
                status, headers, answer = 503, [], b"503 Unavailable\n"
            held.guest.settimeout(GUEST_TIMEOUT)
            send_answer(held.guest, status, headers, answer)
        except OSError:
            pass  # the guest went away
        finally:
            held.close()

    def _end_late_polls(self) -> None:
        moment = time.monotonic()
        with self._lock:
            late = [one for one in self._held_polls if one.until < moment]
            self._held_polls = [one for one in self._held_polls if one.until >= moment]
        for one in late:
            one.close()

    def _accept(self, listener: Listener) -> None:
        try:
            connection, peer = listener.socket.accept()
        except OSError:
            return
        asker = Asker(listener, connection, str(peer[0]).partition("%")[0])
        if not self._lets_in(asker):
            connection.close()
            return
        threading.Thread(target=self._serve, args=(listener, asker), daemon=True).start()

    def _lets_in(self, asker: Asker) -> bool:
        """Take a connection within its limits, in the place of another where all is taken."""
        with self._lock:
            for kind, mine in (("port", asker.port), ("project", asker.project)):
                if self._held(kind, mine) >= LIMITS[kind]:
                    return False
            on_network = [one for one in self._open if one.network == asker.network]
            full = len(on_network) >= LIMITS["network"] or len(self._open) >= CONNECTIONS
            if full and not self._make_room(
                asker, on_network if len(on_network) >= LIMITS["network"] else self._open
            ):
                return False
            self._open.append(asker)
            return True

    def _held(self, kind: str, whose: tuple[str, str]) -> int:
        return sum(getattr(one, kind) == whose for one in self._open)

    def _make_room(self, asker: Asker, among: list[Asker]) -> bool:
        """End the oldest unfinished question of whoever holds most, if that is more than the asker."""
        waiting = [one for one in among if one.is_reading]
        if not waiting:
            return False
        fullest = max(waiting, key=lambda one: self._held("project", one.project))
        if self._held("project", fullest.project) <= self._held("project", asker.project) + 1:
            return False
        fullest.gives_way()
        self._open.remove(fullest)
        return True

    def _serve(self, listener: Listener, asker: Asker) -> None:
        connection, address = asker.connection, asker.address
        try:
            with connection:
                method = "GET"
                try:
                    deadline = time.monotonic() + GUEST_TIMEOUT
                    method, path, headers, length, begun = read_question(connection, deadline)
                    if path.startswith(STREAMED) and method in ("GET", "PUT"):
                        self._stream(listener, asker, method, path, headers, length, begun)
                        return
                    most = LONG.get(path, BODY_LIMIT)
                    body = read_body(connection, length, begun, deadline, most=most)
                    asker.is_reading = False
                    if method == "POST" and path in POLLS:
                        self._poll(listener, asker, path, headers, body)
                        return
                    status, answer_headers, answer = self.answer(
                        listener, address, method, path, headers, body
                    )
                except Refused as refused:
                    text = f"{refused.status} {REASONS.get(refused.status, 'Unavailable')}\n"
                    status, answer_headers, answer = refused.status, [], text.encode()
                connection.settimeout(GUEST_TIMEOUT)
                send_answer(connection, status, answer_headers, b"" if method == "HEAD" else answer)
        except OSError:
            pass  # the guest went away
        except Exception as error:  # noqa: BLE001  one bad connection must not end the others
            say(f"{address}: {type(error).__name__}: {error}")
        finally:
            with self._lock, contextlib.suppress(ValueError):
                self._open.remove(asker)

    def _poll(
        self, listener: Listener, asker: Asker, path: str, headers: Headers, body: bytes
    ) -> None:
        """Bring a poll to the API, and leave it waiting; raise Refused."""
        if listener.spec["ports"].get(asker.address) is None:
            raise Refused(404)
        try:
            url, signed = self._signed(listener, asker.address, "POST", path, headers, body)
            api = open_api(url, "POST", f"/metadata{path}", signed, body)
        except (ApiAway, OSError, ValueError) as error:
            say(f"{asker.address} {path}: {error}")
            raise Refused(503) from error
        self._hold(Held(asker, asker.connection.dup(), api, path))

    def _stream(
        self,
        listener: Listener,
        asker: Asker,
        method: str,
        path: str,
        headers: Headers,
        length: int,
        begun: bytes,
    ) -> None:
        """Bring a part to the API, or one from there, without ever holding all of it; raise Refused."""
        if listener.spec["ports"].get(asker.address) is None:
            raise Refused(404)
        try:
            url, signed = self._signed(listener, asker.address, method, path, headers, None)
            sent = length if method == "PUT" else 0
            try:
                api = open_api(url, method, f"/metadata{path}", signed, b"", length=sent)
            except OSError as error:
                raise ApiAway(str(error)) from error
            with api:
                if method == "PUT":
                    bring(asker.connection, api, length, begun)
                else:
                    fetch(api, asker.connection)
        except (ApiAway, ValueError) as error:
            say(f"{asker.address} {path.rpartition('/')[0]}: {error}")
            raise Refused(503) from error

    def answer(
        self,
        listener: Listener,
        address: str,
        method: str,
        path: str,
        headers: Headers,
        body: bytes,
    ) -> tuple[int, Headers, bytes]:
        """Return (status, headers, body) from the API, or from disk while it is away."""
        port_id = listener.spec["ports"].get(address)
        if port_id is None:
            raise Refused(404)
        kept = self.directory / "answers" / port_id / hashlib.sha256(path.encode()).hexdigest()
        try:
            status, found, answer = self._ask(listener, address, method, path, headers, body)
        except ApiAway as error:
            if method != "GET" or not kept.exists():
                say(f"{address} {path}: {error}")
                raise Refused(503) from error
            head, _, answer = kept.read_bytes().partition(b"\n")
            try:
                status, found = 200, [(str(name), str(value)) for name, value in json.loads(head)]
            except (ValueError, TypeError) as damage:
                kept.unlink(missing_ok=True)
                raise Refused(503) from damage
        else:
            if method == "GET" and status == 200:
                _keep(kept, json.dumps(found).encode() + b"\n" + answer)
        if status == 200:
            self._reached(listener.network_id, port_id)
        return status, found, answer

    def _ask(
        self,
        listener: Listener,
        address: str,
        method: str,
        path: str,
        headers: Headers,
        body: bytes,
    ) -> tuple[int, Headers, bytes]:
        url, signed = self._signed(listener, address, method, path, headers, body)
        return ask_api(url, method, f"/metadata{path}", signed, body)

    def _signed(
        self,
        listener: Listener,
        address: str,
        method: str,
        path: str,
        headers: Headers,
        body: bytes | None,
    ) -> tuple[str, Headers]:
        """Return the API's URL, and a question's headers with ours; raise ApiAway. None: a streamed body."""
        try:
            config = json.loads((self.directory / "proxy.json").read_text())
            key = Path(config["key_file"]).read_bytes().strip()
        except (OSError, ValueError, KeyError) as error:
            raise ApiAway(f"not set up: {error}") from error
        stamp = str(int(time.time()))
        address = str(listener.spec.get("known_as", {}).get(address, address))
        said = path
        if method not in ("GET", "HEAD"):
            said += f"\n{method}\n"
            said += "" if body is None else hashlib.sha256(body).hexdigest()
        signed = sign(key, config["host"], listener.network_id, address, stamp, said)
        forwarded = [
            (name, value)
            for name, value in headers
            if name.lower() not in NOT_FORWARDED
            and not name.lower().startswith(NOT_FORWARDED_PREFIXES)
        ]
        forwarded += [
            ("X-Cloudweb-Host", config["host"]),
            ("X-Cloudweb-Network", listener.network_id),
            ("X-Cloudweb-Address", address),
            ("X-Cloudweb-Timestamp", stamp),
            ("X-Cloudweb-Signature", signed),
        ]
        return str(config["url"]), forwarded

    def _reached(self, network_id: str, port_id: str) -> None:
        home = self.directory / "milestones" / network_id
        if not (home / "told" / port_id).exists():
            with contextlib.suppress(OSError):
                (home / "seen").mkdir(parents=True, exist_ok=True)
                (home / "seen" / port_id).open("x").close()


def sign(key: bytes, host: str, network_id: str, address: str, timestamp: str, path: str) -> str:
    """Return the signature the API checks."""
    text = f"{host}\n{network_id}\n{address}\n{timestamp}\n{path}"
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def read_question(
    connection: socket.socket, deadline: float
) -> tuple[str, str, Headers, int, bytes]:
    """Read (method, path, headers, length of the body, its beginning); raise Refused for what is malformed."""
    first, headers, rest = _read_head(connection, Refused(400), deadline)
    words = first.split(" ")
    if len(words) != 3 or not words[2].startswith("HTTP/1."):
        raise Refused(400)
    method, path = words[0], words[1].partition("?")[0]
    if method not in METHODS:
        raise Refused(405)
    low = path.lower()
    steps = low.replace("%2e", ".").replace("%2f", "/").replace("%5c", "/").split("/")
    if not path.startswith("/") or len(path) > 1024 or not path.isprintable() or ".." in steps:
        raise Refused(400)
    values = {name.lower(): value for name, value in headers}
    if "transfer-encoding" in values:
        raise Refused(400)
    length = values.get("content-length", "0")
    if not (length.isascii() and length.isdigit()):
        raise Refused(400)
    if len(length) > 15:
        raise Refused(413)
    return method, path, headers, int(length), rest[: int(length)]


def read_body(
    connection: socket.socket, length: int, begun: bytes, deadline: float, *, most: int
) -> bytes:
    """Read a body of which the beginning is there; raise Refused for one that breaks off or is too large."""
    if length > most:
        raise Refused(413)
    while len(begun) < length:
        piece = _receive(connection, deadline)
        if not piece:
            raise Refused(400)
        begun += piece
    return begun[:length]


def bring(guest: socket.socket, api: socket.socket, length: int, begun: bytes) -> None:
    """Pass a body on and answer as the API does, which may do so before it has all; raise ApiAway, Refused."""
    deadline = time.monotonic() + GUEST_TIMEOUT + length / STREAM_RATE
    left, piece = length - len(begun), begun
    heard: bytes | None = None
    while True:
        if heard is None:
            try:
                heard = _heard(api)
                api.settimeout(max(0.1, deadline - time.monotonic()))
                api.sendall(b"" if heard is not None else piece)
            except OSError as error:
                heard = _heard(api)
                if heard is None:
                    raise ApiAway(str(error)) from error
        if not left:
            break
        piece = _receive(guest, deadline)[:left]
        if not piece:
            raise Refused(400)
        left -= len(piece)
    until = time.monotonic() + API_TIMEOUT + length / STREAM_RATE
    try:
        answer = read_api(api, "PUT", until, begun=heard or b"")
    except OSError as error:
        raise ApiAway(str(error)) from error
    guest.settimeout(GUEST_TIMEOUT)
    send_answer(guest, *answer)


def _heard(api: socket.socket) -> bytes | None:
    """Return what has come already, b"" at the end; None where nothing has, or a word of TLS itself."""
    api.setblocking(False)
    try:
        return api.recv(16_384)
    except OSError as error:
        if type(error).__name__ in ("BlockingIOError", "SSLWantReadError"):
            return None
        raise


def fetch(api: socket.socket, guest: socket.socket) -> None:
    """Pass the API's answer on as it comes, whole or broken off; raise ApiAway before anything has passed."""
    try:
        first, headers, piece = _read_head(
            api, ApiAway("a broken answer"), time.monotonic() + API_TIMEOUT
        )
    except OSError as error:
        raise ApiAway(str(error)) from error
    words = first.split(" ", 2)
    length = {name.lower(): value for name, value in headers}.get("content-length", "")
    if len(words) < 2 or not words[1].isdigit() or not length.isdigit():
        raise ApiAway("a broken answer")
    if int(words[1]) >= 500 or words[1] in ("401", "403"):
        raise ApiAway(f"status {words[1]}")
    told = [pair for pair in headers if pair[0].lower() in ("content-type", "etag")]
    deadline = time.monotonic() + GUEST_TIMEOUT + int(length) / STREAM_RATE
    guest.settimeout(GUEST_TIMEOUT)
    send_head(guest, int(words[1]), told, int(length))
    left = int(length)
    while left:
        piece = (piece or _receive(api, deadline))[:left]
        if not piece:
            return  # the guest finds it too short
        guest.settimeout(max(0.1, deadline - time.monotonic()))
        guest.sendall(piece)
        left -= len(piece)
        piece = b""


def ask_api(
    url: str, method: str, path: str, headers: Headers, body: bytes
) -> tuple[int, Headers, bytes]:
    """Ask the API; raise ApiAway when it gives no answer in time, too much of it, a 5xx or a 403."""
    deadline = time.monotonic() + API_TIMEOUT
    try:
        with open_api(url, method, path, headers, body) as connection:
            return read_api(connection, method, deadline)
    except (OSError, ValueError) as error:
        raise ApiAway(str(error)) from error


def open_api(
    url: str, method: str, path: str, headers: Headers, body: bytes, *, length: int | None = None
) -> socket.socket:
    """Return a connection on which the API was asked; raise OSError, ValueError. A ``length``: the body follows."""
    scheme, _, rest = url.rstrip("/").partition("://")
    place, _, base = rest.partition("/")
    host, _, port = place.rpartition(":") if ":" in place.rpartition("]")[2] else (place, "", "")
    number = int(port) if port else (443 if scheme == "https" else 80)
    target = f"/{base}{path}" if base else path
    lines = [f"{method} {target} HTTP/1.0", f"Host: {place}", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in headers]
    lines.append(f"Content-Length: {len(body) if length is None else length}")
    connection = socket.create_connection((host.strip("[]"), number), timeout=API_TIMEOUT)
    try:
        if scheme == "https":
            connection = _secured(connection, host)
        connection.sendall("\r\n".join((*lines, "", "")).encode("latin-1", "replace") + body)
    except BaseException:
        connection.close()
        raise
    return connection


def read_api(
    connection: socket.socket, method: str, deadline: float, *, begun: bytes = b""
) -> tuple[int, Headers, bytes]:
    """Return the API's answer; raise ApiAway, OSError, ValueError."""
    broken = ApiAway("a broken answer")
    first, found, come = _read_head(connection, broken, deadline, begun=begun)
    answer = bytearray(come)
    length = {name.lower(): value for name, value in found}.get("content-length")
    while len(answer) <= ANSWER_LIMIT:
        if method != "HEAD" and length == str(len(answer)):
            break  # an end that is said needs no other
        piece = _receive(connection, deadline)
        if not piece:
            break
        answer += piece
    else:
        raise ApiAway("an answer too large or too slow")
    words = first.split(" ", 2)
    if len(words) < 2 or not words[1].isdigit():
        raise ApiAway("a broken answer")
    if method != "HEAD" and length is not None and length != str(len(answer)):
        raise ApiAway("a torn answer")
    if int(words[1]) >= 500 or words[1] in ("401", "403"):
        raise ApiAway(f"status {words[1]}")
    told = [pair for pair in found if pair[0].lower() in ("content-type", "location", "etag")]
    return int(words[1]), told, bytes(answer)


def send_answer(connection: socket.socket, status: int, headers: Headers, body: bytes) -> None:
    """Send an answer and say that it is the last on this connection."""
    send_head(connection, status, headers, len(body))
    connection.sendall(body)


def send_head(connection: socket.socket, status: int, headers: Headers, length: int) -> None:
    """Send an answer's beginning."""
    lines = [f"HTTP/1.1 {status} {REASONS.get(status, 'OK' if status < 300 else 'Other')}"]
    names = {name.lower() for name, _ in headers}
    lines += [f"{name}: {value}" for name, value in headers]
    if "content-type" not in names:
        lines.append("Content-Type: text/plain")
    lines += [f"Content-Length: {length}", "Connection: close", "", ""]
    connection.sendall("\r\n".join(lines).encode("latin-1", "replace"))


def say(text: str) -> None:
    """Write a line to the log."""
    sys.stderr.write(f"{time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())} {text}\n")
    sys.stderr.flush()


def _receive(connection: socket.socket, deadline: float) -> bytes:
    """Return what comes next, b"" at the end; raise TimeoutError (an OSError) at the deadline."""
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("too slow")
    connection.settimeout(left)
    return connection.recv(16_384)


def _read_head(
    connection: socket.socket, broken: Exception, deadline: float, *, begun: bytes = b""
) -> tuple[str, Headers, bytes]:
    data = begun
    while b"\r\n\r\n" not in data:
        piece = _receive(connection, deadline)
        if not piece or len(data) > HEAD_LIMIT:
            raise broken
        data += piece
    head, _, rest = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = []
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not name or name != name.strip() or not (name + value).isprintable():
            raise broken
        headers.append((name, value.strip()))
    return first, headers, rest


def _secured(plain: socket.socket, host: str) -> socket.socket:
    import ssl

    return ssl.create_default_context().wrap_socket(plain, server_hostname=host.strip("[]"))


def _listen(namespace: str | None, address: str, port: int, interface: str = "") -> socket.socket:
    opened: list[socket.socket] = []
    failed: list[OSError] = []

    def enter() -> None:
        try:
            if namespace is not None:
                handle = os.open(f"/run/netns/{namespace}", os.O_RDONLY | os.O_CLOEXEC)
                try:
                    if _libc.setns(handle, CLONE_NEWNET) != 0:
                        raise OSError(ctypes.get_errno(), "setns")
                finally:
                    os.close(handle)
            six = ":" in address
            listener = socket.socket(socket.AF_INET6 if six else socket.AF_INET, socket.SOCK_STREAM)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if six:
                scope = socket.if_nametoindex(interface) if interface else 0
                listener.bind((address, port, 0, scope))
            else:
                listener.setsockopt(socket.SOL_IP, IP_FREEBIND, 1)
                listener.bind((address, port))
            listener.listen(64)
            listener.setblocking(False)
            opened.append(listener)
        except OSError as error:
            failed.append(error)

    thread = threading.Thread(target=enter)  # a thread of its own: it ends in that namespace
    thread.start()
    thread.join()
    if failed:
        raise failed[0]
    return opened[0]


def _spec(told: Any) -> dict[str, Any]:
    """Return a network's file as it must be; raise for another."""
    for name in ("ports", "projects"):
        told.setdefault(name, {}).items()
    if not (isinstance(told["address"], str) and isinstance(told["port"], int)):
        raise TypeError(told["address"])
    _place(told)
    return dict(told)


def _place(spec: dict[str, Any]) -> tuple[Any, ...]:
    return spec["namespace"], spec.get("born"), spec["address"], spec["port"]


def _keep(path: Path, content: bytes) -> None:
    """Keep an answer, at most so many for a port; a full disk costs the copy, not the answer."""
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not path.exists() and len(list(path.parent.iterdir())) >= ANSWERS_KEPT:
            return
        draft = path.with_name(f"{path.name}.{threading.get_ident()}")
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        draft.replace(path)


def _trim_log() -> None:
    with contextlib.suppress(OSError):
        if os.fstat(2).st_size > LOG_LIMIT:
            os.ftruncate(2, 0)


def main(directory: Path) -> int:
    """Serve the directory unless another process does."""
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / "proxy.lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return 0
        (directory / "proxy.pid").write_text(f"{os.getpid()}\n")
        signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
        threading.stack_size(256 * 1024)
        most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, FILES), most))
        Proxy(directory).run()
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
