"""Consoles: addresses that count once, the WebSocket behind them, and who is let in no more."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from audit.models import Record
from cloudweb.database.clock import now
from cloudweb.exceptions import PolicyNotAuthorized
from identity.models import Assignment
from instances.api import console_socket, console_tape
from instances.console_exceptions import ConsoleRecordingEnded, ConsoleRecordingNotFound
from instances.manager import ConsoleRecordingManager, console_recordings, console_tokens
from instances.models import ConsoleRecording, ConsoleRecordingPart, ConsoleToken, Instance
from operations.asking import HostDidNotAnswer
from tests.builders.identity import make_context, make_member
from tests.builders.instances import Lab, lab
from tests.contract.access.test_compute import V21
from tests.infrastructure import PATIENCE

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    with lab(tmp_path) as made:

        def ask(order: Any) -> Any:
            agent: Any = made.cloud.hosts[order.host].agents["compute"]
            return {"data": agent.consoles.open(order.payload).model_dump()}

        monkeypatch.setattr(console_tokens, "ask", ask)
        yield made


def open_console(home: Lab, server_id: str, protocol: str = "serial", kind: str = "serial") -> Any:
    body = {"remote_console": {"protocol": protocol, "type": kind}}
    at = {"OpenStack_API_Version": "compute 2.6"}
    return home.client.send("POST", f"{V21}/servers/{server_id}/remote-consoles", body, **at)


def token_of(answer: Any) -> str:
    url = urlsplit(answer.json()["remote_console"]["url"])
    return parse_qs(url.query)["token"][0]


class Client:
    """A viewer's end of a WebSocket."""

    def __init__(self, *, talks: bool) -> None:
        self.sent: asyncio.Queue[Any] = asyncio.Queue()
        self.heard: asyncio.Queue[Any] = asyncio.Queue()
        self.talks = talks

    def scope(self, path: str, token: str, headers: Any = ()) -> dict[str, Any]:
        return {
            "path": path, "query_string": f"token={token}".encode(), "headers": headers,
            "subprotocols": [console_socket.TALKS] if self.talks else [], "client": ("127.0.0.1", 1),
        }  # fmt: skip

    async def until(self, wanted: Callable[[Any], bool]) -> Any:
        async with asyncio.timeout(PATIENCE):
            while not wanted(message := await self.heard.get()):
                pass
        return message

    def type(self, text: bytes) -> None:
        self.sent.put_nowait({"type": "websocket.receive", "bytes": text})

    def leave(self) -> None:
        self.sent.put_nowait({"type": "websocket.disconnect", "code": 1000})


def look(
    token: str,
    script: Any,
    *,
    path: str = "/consoles/serial",
    talks: bool = True,
    headers: Any = (),
) -> Any:
    """Open a WebSocket and let a script use it; return what that returns."""

    async def run() -> Any:
        client = Client(talks=talks)
        client.sent.put_nowait({"type": "websocket.connect"})
        with ThreadPoolExecutor(1) as threads:
            serving = asyncio.create_task(
                console_socket.serve(
                    client.scope(path, token, headers),
                    client.sent.get,
                    client.heard.put,
                    threads=threads,
                )
            )
            using = asyncio.create_task(script(client))
            await asyncio.wait((using, serving), return_when=asyncio.FIRST_COMPLETED)
            if not using.done():
                await serving  # it broke
            client.leave()
            await serving
        return await using

    return asyncio.run(run())


async def say_hello(client: Client) -> str:
    """Type a line and read it; return the token to come back with."""
    assert (await client.until(lambda one: True))["type"] == "websocket.accept"
    told = await client.until(lambda one: "text" in one)
    client.type(b"hello\r")
    seen = bytearray()

    def answered(one: Any) -> bool:
        seen.extend(one.get("bytes", b""))
        return b"you said: hello" in seen

    await client.until(answered)
    return str(json.loads(told["text"])["next"])


async def refused(client: Client) -> tuple[int, str]:
    """Return the code and the words of the end."""
    words = []

    def is_end(one: Any) -> bool:
        words.append(json.loads(one["text"])["error"] if "text" in one else "")
        return bool(one["type"] == "websocket.close")

    end = await client.until(is_end)
    return end["code"], "".join(words)


def test_a_console_is_used_and_come_back_to(home: Lab) -> None:
    server_id = home.create()
    answer = open_console(home, server_id)
    assert answer.json()["remote_console"]["url"].startswith("ws://testserver/consoles/serial?")
    first = token_of(answer)
    again = look(first, say_hello)
    for used in (first, "x", ""):
        code, words = look(used, refused)
        assert (code, "used already" in words) == (console_socket.REFUSED, True)
    assert look(again, say_hello)
    record = Record.objects.filter(action="compute:consoles:connect").first()
    assert record is not None
    assert (record.user_id, record.target_id) == (home.context.user_id, server_id)
    assert {first, again} & {*ConsoleToken.objects.values_list("digest", flat=True)} == set()


def test_who_is_let_in_no_more(home: Lab) -> None:
    server_id = home.create()
    old, elsewhere, gone = (token_of(open_console(home, server_id)) for _ in range(3))
    ConsoleToken.objects.filter(digest=digest(old)).update(expires_at=now() - timedelta(seconds=1))
    assert look(old, refused)[0] == console_socket.REFUSED
    assert look(elsewhere, refused, path="/consoles/novnc")[0] == console_socket.REFUSED
    stranger = [(b"origin", b"http://evil.example"), (b"host", b"testserver")]
    assert look(elsewhere, refused, headers=stranger)[0] == console_socket.REFUSED
    ours = [(b"origin", b"http://testserver"), (b"host", b"testserver")]
    assert look(elsewhere, say_hello, headers=ours)
    without_role = token_of(open_console(home, server_id))
    home.client.send("DELETE", f"{V21}/servers/{server_id}")
    home.cloud.settle()
    assert look(gone, refused)[0] == console_socket.REFUSED
    Instance.objects.update(vm_state="active")
    Assignment.objects.all().delete()
    assert look(without_role, refused)[0] == console_socket.REFUSED


def digest(token: str) -> str:
    import hashlib

    return hashlib.sha256(token.encode()).hexdigest()


def test_a_screen_is_seen_by_programs_that_know_no_words(home: Lab) -> None:
    server_id = home.create()
    token = token_of(open_console(home, server_id, "vnc", "novnc"))

    async def see(client: Client) -> Any:
        accepted = await client.until(lambda one: True)
        found = await client.until(lambda one: "bytes" in one)
        return accepted["subprotocol"], found["bytes"][:12]

    assert look(token, see, path="/consoles/novnc", talks=False) == (None, b"RFB 003.008\n")


def test_a_host_that_is_away_is_come_back_to(home: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    server_id = home.create()

    async def told(client: Client) -> Any:
        message = await client.until(lambda one: "text" in one)
        return json.loads(message["text"])

    token = token_of(open_console(home, server_id))
    with monkeypatch.context() as away:
        away.setattr(console_tokens, "ask", raises)
        said = look(token, told)
    assert "does not answer" in said["error"]
    with monkeypatch.context() as silent:
        silent.setattr(console_socket, "REACH", 0.0)
        said = look(said["next"], told)
    assert "does not answer" in said["error"]
    assert look(said["next"], say_hello)


def raises(order: object) -> Any:
    raise HostDidNotAnswer


def test_what_is_refused(home: Lab) -> None:
    server_id = home.create()
    found = {
        kind: open_console(home, server_id, protocol, kind).status_code
        for protocol, kind in (
            ("spice", "spice-html5"), ("vnc", "xvpvnc"), ("vnc", "serial"), ("tin", "can"),
        )
    }  # fmt: skip
    assert found == {"spice-html5": 400, "xvpvnc": 400, "serial": 400, "can": 400}
    early = home.create(settle=False)
    assert open_console(home, early).status_code == 409
    old = home.client.send(
        "POST", f"{V21}/servers/{server_id}/action", {"os-getSerialConsole": {"type": "serial"}}
    )
    assert old.json()["console"]["url"].startswith("ws://testserver/consoles/serial?token=")
    assert b"xterm" in home.client.send("GET", "/consoles/serial?token=x").content
    assert home.client.send("GET", "/consoles/tin").status_code == 404


def test_nobody_looks_for_ever(home: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console_socket, "RENEW", 0.01)
    server_id = home.create()
    token = token_of(open_console(home, server_id))
    ConsoleToken.objects.update(began_at=now() - timedelta(days=2))

    async def end(client: Client) -> Any:
        return (await client.until(lambda one: one["type"] == "websocket.close"))["code"]

    assert look(token, end) in (console_socket.OVER, console_socket.LATER)
    fresh = token_of(open_console(home, server_id))

    async def renewed(client: Client) -> int:
        seen: set[str] = set()

        def enough(one: Any) -> bool:
            seen.update(json.loads(one["text"]).values() if "text" in one else ())
            return len(seen) > 3

        await client.until(enough)
        return len(seen)

    assert look(fresh, renewed) == 4
    assert ConsoleToken.objects.count() <= 2


def manager_of(home: Lab, role: str = "manager") -> ConsoleRecordingManager:
    """Return the recordings as somebody with this role in the lab's project sees them."""
    return ConsoleRecordingManager(make_context(make_member(role, project=home.project)))


def turn_on(home: Lab, *, on: bool = True) -> ConsoleRecordingManager:
    manager = manager_of(home)
    manager.switch(str(home.project.id), on=on)
    return manager


def shown(cast: str) -> str:
    """Return the text of a cast."""
    _, *lines = (json.loads(line) for line in cast.splitlines())
    assert [line[1] for line in lines] == ["o"] * len(lines)
    assert sorted(line[0] for line in lines) == [line[0] for line in lines]
    return "".join(line[2] for line in lines)


def test_what_is_shown_is_kept_for_the_managers(home: Lab) -> None:
    server_id = home.create()
    assert look(token_of(open_console(home, server_id)), say_hello)
    assert not ConsoleRecording.objects.exists()
    manager = turn_on(home)
    turn_on(home)  # a second time changes nothing

    async def told(client: Client) -> str:
        said = json.loads((await client.until(lambda one: "text" in one))["text"])["recorded"]
        client.type(b"hello\r")
        seen = bytearray()

        def answered(one: Any) -> bool:
            seen.extend(one.get("bytes") or b"")
            return b"you said: hello" in seen

        await client.until(answered)
        return str(said)

    assert look(token_of(open_console(home, server_id)), told) == console_socket.RECORDED

    async def warned(client: Client) -> Any:
        return await client.until(lambda one: b"is recorded" in one.get("bytes", b""))

    assert look(token_of(open_console(home, server_id)), warned, talks=False)
    [later, first] = manager.find().rows
    assert (first.user_id, first.user_name) == (home.context.user_id, home.user.name)
    assert (first.remote_address, first.instance_name) == ("127.0.0.1", later.instance_name)
    replay = manager.replay(first.id)
    head = json.loads(replay.cast.partition("\n")[0])
    assert (head["version"], head["width"], head["height"]) == (2, 80, 24)
    assert "you said: hello" in shown(replay.cast)
    assert first.size == len(replay.cast)
    kept = "".join(ConsoleRecordingPart.objects.values_list("content", flat=True))
    assert "hello" not in kept
    actions = Record.objects.values_list("action", flat=True)
    assert [*actions].count("compute:console_recordings:replay") == 1
    assert "compute:console_recordings:switch" in actions
    turn_on(home, on=False)
    assert manager.switched() is None
    assert look(token_of(open_console(home, server_id)), say_hello)
    assert ConsoleRecording.objects.count() == 2


def test_recordings_are_for_managers_alone(home: Lab) -> None:
    server_id = home.create()
    turn_on(home)
    look(token_of(open_console(home, server_id)), say_hello)
    row = ConsoleRecording.objects.get()
    for role in ("member", "reader"):
        other = manager_of(home, role)
        for call in (
            other.switched,
            other.find,
            lambda other=other: other.replay(row.id),
            lambda other=other: other.switch(str(home.project.id), on=False),
        ):
            with pytest.raises(PolicyNotAuthorized):
                call()
    stranger = ConsoleRecordingManager(make_context(make_member("manager")))
    assert not stranger.find().rows
    for call in (stranger.get, stranger.replay):
        for key in (row.id, "x"):
            with pytest.raises(ConsoleRecordingNotFound):
                call(key)
    with pytest.raises(PolicyNotAuthorized):
        stranger.switch(str(home.project.id), on=False)


def test_recordings_are_bounded(home: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full one ends its line, the oldest make room for new ones, and days end the rest."""
    server_id = home.create()
    manager = turn_on(home)
    token = token_of(open_console(home, server_id))
    monkeypatch.setattr(console_recordings, "RECORDING_BYTES", 1)
    monkeypatch.setattr(console_recordings, "RECORDINGS_BYTES", 200)
    monkeypatch.setattr(console_tape, "EVERY", 0.01)
    seen = bytearray()

    async def end(client: Client) -> Any:
        client.type(b"hello\r")

        def closed(one: Any) -> bool:
            seen.extend(one.get("bytes") or b"")
            return bool(one["type"] == "websocket.close")

        return (await client.until(closed))["code"]

    assert look(token, end) == console_socket.LATER
    [row] = manager.find().rows
    assert seen
    assert shown(manager.replay(row.id).cast).startswith(seen.decode())
    monkeypatch.setattr(console_tape, "TOGETHER", 1)
    monkeypatch.setattr(console_recordings, "RECORDING_BYTES", 150)
    for _ in range(2):
        assert look(token_of(open_console(home, server_id)), end) == console_socket.LATER
    assert not ConsoleRecording.objects.filter(pk=row.pk).exists()
    [row] = manager.find().rows
    ConsoleRecording.objects.update(created_at=now() - timedelta(days=31))
    system = ConsoleRecordingManager(home.context.system())
    system.forget_recordings()
    assert not ConsoleRecordingPart.objects.exists()
    with pytest.raises(ConsoleRecordingEnded):
        console_recordings.write(row.pk, 1, "x")


def test_who_was_there_before_is_asked_to_open_it_again(
    home: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(console_socket, "RENEW", 0.01)
    server_id = home.create()
    token = token_of(open_console(home, server_id))
    asked: list[bool] = []

    def renewed(token: str, *, recorded: bool) -> str:
        if not asked:
            turn_on(home)
        asked.append(recorded)
        return console_tokens.renewed(token, recorded=recorded)

    monkeypatch.setattr(console_socket, "renewed", renewed)

    async def end(client: Client) -> Any:
        return (await client.until(lambda one: one["type"] == "websocket.close"))["code"]

    assert look(token, end) in (console_socket.OVER, console_socket.LATER)
    assert asked == [False]
