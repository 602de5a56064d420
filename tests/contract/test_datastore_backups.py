"""Backups of real datastores: sent part by part to a store that is not always there, and made a datastore again."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from databases import objects
from databases.guest.failures import Damaged, GuestFailure, NotThere, Refused
from databases.guest.log_keeping import LogKeeper
from databases.guest.methods import Methods
from databases.guest.transfers import TransferFailed, Transfers
from tests.builders.datastores import PROGRAMS, Guests, data, guests_of

PART = 256 * 1024


class Store:
    """A backup store that refuses and breaks off as often as it is told."""

    def __init__(self) -> None:
        self.parts: dict[str, bytes] = {}
        self.refuses, self.breaks_off = 0, 0
        store = self

        class Handler(BaseHTTPRequestHandler):
            def do_PUT(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if store.refuses:
                    store.refuses -= 1
                    self.send_error(503)
                    return
                assert self.headers["Content-Type"] == "application/octet-stream"
                store.parts[self.path] = body
                self.send_response(204)
                self.send_header("ETag", f"taken {self.path}")
                self.end_headers()

            def do_GET(self) -> None:
                body = store.parts[self.path]
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if store.breaks_off:
                    store.breaks_off -= 1
                    body = body[: len(body) // 2]
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def request(self, name: str, *, since: str | None = None, most: int = 400) -> dict[str, Any]:
        """Return an order to back up."""
        target = objects.UploadTarget(
            urls=tuple(f"{self.url}/{name}/{number}" for number in range(1, most + 1)),
            part_size=PART,
        )
        kind: Any = "full" if since is None else "incremental"
        asked = objects.DumpRequest(backup_id=name, kind=kind, since=since or "", target=target)
        return data(asked)

    def part_of(self, made: dict[str, Any]) -> objects.BackupPart:
        """Return a backup as it is restored from."""
        name = made["backup_id"]
        pieces = tuple(
            objects.Piece(url=f"{self.url}/{name}/{part['number']}", size=part["size"])
            for part in made["parts"]
        )
        return objects.BackupPart(id=name, checksum=made["checksum"], pieces=pieces)

    def sent(self, path: str) -> objects.BackupPart:
        """Return a piece of a log as it is restored from."""
        body = self.parts[path]
        piece = objects.Piece(url=f"{self.url}{path}", size=len(body))
        return objects.BackupPart(
            id=path, checksum=hashlib.sha256(body).hexdigest(), pieces=(piece,)
        )


@pytest.fixture(scope="module")
def store() -> Iterator[Store]:
    found = Store()
    yield found
    found.server.shutdown()
    found.server.server_close()


@pytest.fixture(scope="module", params=sorted(PROGRAMS))
def guests(request: pytest.FixtureRequest) -> Iterator[Guests]:
    with guests_of(request.param) as found:
        yield found


@pytest.fixture(scope="module")
def source(guests: Guests) -> tuple[Methods, Callable[[str], str]]:
    methods, says, told = guests.new(
        "source",
        databases=(objects.Database(name="first"),),
        users=(objects.User(name="ann", password="secret 1", databases=("first",)),),
    )
    methods.prepare(told)
    says("CREATE TABLE t (a int)")
    says("INSERT INTO t VALUES (1)")
    return methods, says


def spoil(guests: Guests, methods: Methods, says: Callable[[str], str]) -> None:
    """Let a table be damaged on the disk."""
    says("CREATE TABLE spoilt (a int)" + (" ENGINE=MyISAM" if guests.name == "mariadb" else ""))
    says("INSERT INTO spoilt VALUES (7)")
    place = methods.store().place.data
    path = place / "first" / "spoilt.MYD"
    if guests.name == "postgresql":
        path = place / says("SELECT pg_relation_filepath('spoilt')")
    methods.stop({})
    path.write_bytes(b"spoilt.." * 1024)
    methods.start({})


def test_a_chain_of_backups_becomes_a_datastore(
    guests: Guests, source: tuple[Methods, Callable[[str], str]], store: Store
) -> None:
    methods, says = source
    store.refuses = 2
    full = methods.backup(store.request("full"))
    objects.DumpMade.model_validate(full)
    stream = b"".join(store.parts[f"/full/{part['number']}"] for part in full["parts"])
    assert (full["size"], full["checksum"]) == (len(stream), hashlib.sha256(stream).hexdigest())
    assert full["parts"][0]["etag"] == "taken /full/1"
    assert {part["size"] for part in full["parts"][:-1]} == {PART}

    says("INSERT INTO t VALUES (2)")
    first = methods.backup(store.request("first", since=full["position"]))
    moment = says("SELECT CURRENT_TIMESTAMP(6)")
    says("INSERT INTO t VALUES (3)")
    second = methods.backup(store.request("second", since=first["position"]))
    assert second["size"] < full["size"]

    chain = tuple(store.part_of(one) for one in (full, first, second))
    store.breaks_off = 2
    copy, copy_says, told = guests.new("copy", restore=objects.RestorePoint(chain=chain))
    for _again in range(2):
        copy.prepare(told)
    assert copy_says("SELECT SUM(a), COUNT(*) FROM t").split() in (["6|3"], ["6", "3"])
    assert copy.verify({})["program"] == {"mariadb": "mariadb-check"}.get(guests.name, "pg_amcheck")
    copy_says("INSERT INTO t VALUES (4)")
    spoil(guests, copy, copy_says)
    with pytest.raises(Damaged):
        copy.verify({})
    assert says("SELECT COUNT(*) FROM t") == "3"
    if guests.name == "mariadb":
        with pytest.raises(Refused):
            copy.backup(store.request("strange", since=second["position"]))
        then = objects.RestorePoint(chain=chain, until=moment)
        past, _, told = guests.new("past", restore=then)
        with pytest.raises(Refused):
            past.prepare(told)
        return
    then = objects.RestorePoint(chain=chain, until=moment)
    past, past_says, told = guests.new("past", restore=then)
    past.prepare(told)
    assert past_says("SELECT SUM(a) FROM t") == "3"
    past_says("INSERT INTO t VALUES (5)")
    past.restart({})
    assert past_says("SELECT SUM(a) FROM t") == "8"
    never, _, told = guests.new(
        "never", restore=objects.RestorePoint(chain=chain, until="2030-01-01T00:00:00Z")
    )
    with pytest.raises(Refused, match="does not hold that moment"):
        never.prepare(told)


def test_a_log_is_sent_by_itself_and_any_moment_of_it_comes_back(
    guests: Guests, source: tuple[Methods, Callable[[str], str]], store: Store
) -> None:
    methods, says = source
    order = objects.KeepLog(archive="a", url=f"{store.url}/kept/{{number}}", most=1 << 28)
    if guests.name == "mariadb":
        with pytest.raises(Refused, match="backups alone"):
            methods.keep_log(data(order))
        return
    told: list[dict[str, Any]] = []
    keeper = LogKeeper(methods, lambda said: told.append(said["data"]))
    for _again in range(2):
        methods.keep_log(data(order))
    base = methods.backup(store.request("log-base"))
    says("CREATE TABLE l (a int)")
    says("INSERT INTO l VALUES (1)")
    moment = says("SELECT clock_timestamp()")
    keeper.look()
    keeper.look()  # not due
    says("INSERT INTO l VALUES (2)")
    assert not keeper.send()
    assert [objects.LogSent.model_validate(one).number for one in told] == [1, 2]
    assert told[1]["since"] == told[0]["position"]
    assert moment.replace(" ", "T")[:19] <= told[0]["until"][:19]
    log = tuple(store.sent(f"/kept/{one['number']}") for one in told)
    chain = (store.part_of(base),)
    for name, until, rows in (("then", moment, "1"), ("last", told[1]["until"], "2")):
        wanted = objects.RestorePoint(chain=chain, log=log, until=until)
        copy, copy_says, order_of = guests.new(name, restore=wanted)
        copy.prepare(order_of)
        assert copy_says("SELECT count(*) FROM l") == rows
    anew = guests.renewed("source")  # its server was rebuilt: nothing but the volume is as it was
    anew.prepare(
        data(objects.PrepareDatastore(datastore="postgresql", version="1", keeps_data=True))
    )
    at = {"run": told[-1]["run"], "position": told[-1]["position"], "number": 3}
    anew.keep_log(data(order.model_copy(update=at)))
    LogKeeper(anew, lambda said: told.append(said["data"])).look()
    assert [told[-1][name] for name in ("number", "run", "since")] == [3, at["run"], at["position"]]
    methods.change_log(methods.kept["log"], number=4, position=told[-1]["position"])
    methods.store().end_log()  # as a slot that was given up
    while keeper.send():
        pass
    assert told[-1]["run"] != told[0]["run"]
    assert told[-1]["number"] == len(told)
    methods.keep_log(data(objects.KeepLog(archive="a")))
    keeper.look()
    assert not keeper.send()


def test_data_that_are_not_there_are_not_made(guests: Guests) -> None:
    methods, _, told = guests.new("lost")
    with pytest.raises(NotThere, match="holds no data"):
        methods.prepare({**told, "keeps_data": True})


def test_a_damaged_backup_becomes_nothing(
    guests: Guests, source: tuple[Methods, Callable[[str], str]], store: Store
) -> None:
    made = source[0].backup(store.request("whole"))
    body = store.parts["/whole/1"]
    store.parts["/whole/1"] = body[:1000] + bytes([body[1000] ^ 1]) + body[1001:]
    chain = (store.part_of(made),)
    copy, _, told = guests.new("damaged", restore=objects.RestorePoint(chain=chain))
    with pytest.raises(GuestFailure):
        copy.prepare(told)
    assert not copy.store().is_initialised()
    store.parts["/whole/1"] = body
    copy.prepare(told)


def test_a_dump_that_fails_is_not_sent_to_its_end(
    source: tuple[Methods, Callable[[str], str]],
    store: Store,
    guests: Guests,
    tmp_path: Path,
) -> None:
    methods, _ = source
    with pytest.raises(TransferFailed, match="larger"):
        methods.backup(store.request("narrow", most=1))
    target = store.request("broken")["target"]
    with pytest.raises(GuestFailure):
        Transfers().send_output(
            (("sh", "-c", "echo half; exit 3"), ("cat",)), target, user="", spool=tmp_path
        )
    assert not [path for path in store.parts if path.startswith("/broken")]
    store.refuses = 1000
    with pytest.raises(TransferFailed, match="does not answer"):
        methods.backup(store.request("nobody"))
    store.refuses = 0
    with pytest.raises(Refused):
        methods.backup(
            store.request("unknown", since="FFF/0" if guests.name == "postgresql" else "1@x")
        )


def test_a_log_is_sent_and_another_release_is_refused(
    source: tuple[Methods, Callable[[str], str]], store: Store, guests: Guests
) -> None:
    methods, says = source
    target = objects.UploadTarget(urls=(f"{store.url}/log/1",), part_size=1 << 24)
    found = methods.publish_log(data(objects.LogRequest(name=guests.name, target=target)))
    objects.LogText.model_validate(found)
    assert len(store.parts["/log/1"]) == found["size"] > 0
    there = methods.store().exact_version()
    same = methods.upgrade({"version": there.rpartition(".")[0]})
    assert objects.Prepared.model_validate(same).version == there
    says("SELECT COUNT(*) FROM t")
    with pytest.raises(Refused, match="cannot serve 99"):
        methods.upgrade({"version": "99.1"})
