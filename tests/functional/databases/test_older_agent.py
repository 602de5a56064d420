"""An agent of the release before works with this control plane, and becomes this release's by itself.

``tests/contract/releases/agents`` keeps the programs as releases handed them out (what
``databases/guest/packing.py`` packs, named by its version); here they run as they are, over real HTTP, as in
a guest behind its host's proxy.
"""

from __future__ import annotations

import subprocess  # noqa: TID251  # another program, as a guest runs it
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from databases import objects, rpc
from databases.api import guests as views
from databases.guest import files
from databases.guest.channel import PREFIX
from databases.guest.packing import packed
from databases.guest.version import VERSION
from databases.mail import written
from databases.mailbox import guests
from databases.mailbox.letters import TOO_OLD
from databases.models import DatabaseInstance, GuestAgent, Letter
from databases.states import LetterState
from network.models import Port
from operations.orders import signer
from tests.builders import older_guest
from tests.builders.database_guests import Proxied
from tests.builders.databases import make_instance
from tests.builders.identity import make_member
from tests.builders.instances import lab

pytestmark = pytest.mark.django_db(transaction=True)
AGENTS = Path(__file__).parents[2] / "contract" / "releases" / "agents"
MOST_WORDS = 300


class Way:
    """The host's proxy of one guest: what it says is answered here, one word after the other."""

    def __init__(self, port: Port) -> None:
        self.proxied, self.paths = Proxied(port), list[str]()
        way = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                self._answer(way.proxied.post(self._path(), body))

            def do_GET(self) -> None:
                self._answer(way.proxied.get(self._path()))

            def _path(self) -> str:
                way.paths.append(self.path.removeprefix(f"{PREFIX}/"))
                return way.paths[-1]

            def _answer(self, answer: Any) -> None:
                self.send_response(answer.status_code)
                self.send_header("Content-Length", str(len(answer.content)))
                self.end_headers()
                self.wfile.write(answer.content)

            def log_message(self, *_words: Any) -> None:
                """Say nothing."""

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.server.timeout = 60

    @property
    def url(self) -> str:
        """Where the guest asks."""
        return f"http://127.0.0.1:{self.server.server_port}"

    def until(self, is_so: Callable[[], bool], what: str) -> None:
        """Answer the guest until something is so."""
        for _word in range(MOST_WORDS):
            if is_so():
                return
            self.server.handle_request()
        pytest.fail(f"{what}: {self.paths[-10:]}")


@contextmanager
def running(program: Path, directory: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run an agent for the time of a block."""
    words = (sys.executable, "-SE", older_guest.__file__, str(program), str(directory))
    with (directory / "log").open("wb") as log:
        process = subprocess.Popen(words, stderr=log)
        try:
            yield process
        finally:
            process.kill()
            process.wait()


@pytest.fixture
def way(tmp_path: Path) -> Iterator[tuple[Way, DatabaseInstance]]:
    with lab(tmp_path / "lab") as home:
        server_id = home.create()
        instance = make_instance(make_member("member"), server_id=server_id)
        made = Way(Port.objects.get(device_id=str(server_id)))
        yield made, instance
        made.server.server_close()


@pytest.mark.parametrize("release", sorted(path.stem for path in AGENTS.glob("*.pyz")))
def test_it_works_and_becomes_this_one(
    way: tuple[Way, DatabaseInstance],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    release: str,
) -> None:
    host, instance = way
    old = (AGENTS / f"{release}.pyz").read_bytes()
    (directory := tmp_path / "agent").mkdir()
    program = directory / "agent.pyz"
    program.write_bytes(old)
    words = {
        "token": guests.enrol(instance),
        "url": host.url,
        "orders_key": signer().public_pem().decode(),
    }
    files.write_json(directory / "config.json", words)

    def told(method: Any, payload: Any = None, *, order: bool = True) -> Letter:
        letter = written(
            instance,
            method,
            payload or objects.NoArguments(),
            within=timedelta(minutes=5),
            operation=uuid.uuid4() if order else None,
            epoch=1 if order else 0,
        )

        def is_answered() -> bool:
            letter.refresh_from_db()
            return letter.state == LetterState.ANSWERED

        host.until(is_answered, method.name)
        return letter

    def agent() -> GuestAgent:
        return GuestAgent.objects.get(instance=instance)

    # as long as the control plane has no other program for it
    monkeypatch.setattr(views, "packed", lambda: old)
    monkeypatch.setattr(views, "version", lambda: release)
    with running(program, directory) as process:
        prepare = objects.PrepareDatastore(
            datastore="postgresql",
            version="15",
            databases=(objects.Database(name="shop"),),
            users=(objects.User(name="ann", password="secret 1"),),
        )
        letter = told(rpc.PREPARE, prepare)
        assert letter.error is None
        assert rpc.PREPARE.answer.load(letter.answer or {}).version == "15.9"  # type: ignore[union-attr]
        listed = told(rpc.LIST_DATABASES, objects.PageRequest(), order=False).answer or {}
        assert [one["name"] for one in listed["data"]["databases"]] == ["shop"]
        assert told(rpc.APPLY_CONFIGURATION, objects.Configuration()).error is None
        instance.refresh_from_db()
        assert (agent().version, instance.operating_status) == (release, "HEALTHY")
        # what it cannot know is refused in its place, and it goes on
        wanted = objects.Configuration(require_tls=True)
        assert "too old" in (told(rpc.APPLY_CONFIGURATION, wanted).error or {})["public"]
        assert (told(rpc.VERIFY).error or {})["code"] == TOO_OLD  # no backup is blamed for that
        assert told(rpc.STOP).error is None

        # another program that the control plane did not sign
        class Forger:
            def sign_bytes(self, _data: bytes) -> bytes:
                return bytes(64)

        monkeypatch.setattr(views, "packed", lambda: packed() + b" ")
        monkeypatch.setattr(views, "signer", Forger)
        host.paths.clear()
        host.until(lambda: "agent.sig" in host.paths, "it fetches the program")
        words_before = len(host.paths)
        host.until(lambda: len(host.paths) > words_before + 3, "it goes on")
        assert host.paths.count("agent.sig") == 1
        assert (agent().version, program.read_bytes()) == (release, old)

        # this release's own
        monkeypatch.undo()
        host.until(lambda: agent().version == VERSION, "it is of this release")
        assert program.read_bytes() == packed()
        assert process.poll() is None
        host.until(
            lambda: agent().report.get("tls_until", 0) > 0, "it has a certificate, as all have now"
        )
        letter = told(rpc.LIST_USERS, objects.PageRequest(), order=False)
        assert (letter.error or {})["code"] == "not_running"  # it was stopped, and stays so
