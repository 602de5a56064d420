"""A guest sends the parts of its backup and reads those it is made from; nobody else does either."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from audit.models import Record
from cloudweb.exceptions import Conflict
from databases.dumps import logs, tickets
from databases.dumps.logs import data_of as data_of_log
from databases.dumps.tickets import Purpose
from databases.dumps.transfers import data_of
from databases.guest import wire
from databases.guest.channel import PREFIX, Denied
from databases.models import Backup, DatabaseInstance, LogArchive, LogPiece
from databases.states import BackupStatus
from network.models import Port
from tests.builders.database_guests import Guest
from tests.builders.databases import make_database_backup, make_instance
from tests.builders.identity import make_member
from tests.builders.instances import lab

pytestmark = pytest.mark.django_db(transaction=True)
DATA = b"a page of a database" * 1000
SHA = hashlib.sha256(DATA).hexdigest()


@dataclass
class Places:
    """Three databases with a guest each: two of one project, and a stranger's."""

    a: Guest
    b: Guest
    stranger: Guest
    backup: Backup


@pytest.fixture
def places(tmp_path: Path, settings: Any) -> Iterator[Places]:
    settings.IMAGE_STORE = tmp_path / "store"
    with lab(tmp_path / "lab") as home:
        mine, theirs = make_member("dba"), make_member("other")
        made = []
        for name, user in (("a", mine), ("b", mine), ("stranger", theirs)):
            server_id = home.create()
            instance = make_instance(user, name=name, server_id=server_id)
            (tmp_path / name).mkdir()
            port = Port.objects.get(device_id=str(server_id))
            made.append(Guest(instance, port, tmp_path / name))
        a, b, stranger = made
        backup = make_database_backup(a.instance, status=BackupStatus.BUILDING, size=0)
        yield Places(a, b, stranger, backup)


def path(purpose: Purpose, backup: Backup, instance: DatabaseInstance, number: int = 1) -> str:
    found = tickets.path_of(purpose, backup.id, number, instance_id=instance.id)
    return found.removeprefix(f"{PREFIX[1:]}/")


def send(guest: Guest, place: str) -> Any:
    return guest.channel.put(place, DATA)


def whole(places: Places) -> None:
    receipt = send(places.a, path("write", places.backup, places.a.instance)).headers["ETag"]
    data_of(places.backup).complete([receipt], sha256=SHA)
    Backup.objects.update(status=BackupStatus.COMPLETED)


def test_what_one_guest_sends_another_of_the_project_is_made_from(
    places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = path("write", places.backup, places.a.instance)
    read = path("read", places.backup, places.b.instance)
    assert send(places.a, write).status_code == 204
    assert places.b.channel.get(read).status_code == 404  # it is not whole
    assert places.a.channel.put(write, b"").status_code == 400
    monkeypatch.setattr("databases.dumps.transfers.part_size", lambda _bytes: 100)
    assert send(places.a, write).status_code == 413
    monkeypatch.undo()
    whole(places)
    answer = places.b.channel.get(read)
    assert answer.getvalue() == DATA
    assert answer.headers["Content-Length"] == str(len(DATA))
    assert send(places.a, write).status_code == 404  # nor is a whole one written any more
    assert data_of(places.backup).check() == len(DATA)


def test_a_path_is_of_use_to_its_own_guest_alone(places: Places, client: Any) -> None:
    write = path("write", places.backup, places.a.instance)
    read = path("read", places.backup, places.b.instance)
    tried = [
        send(places.b, write),
        send(places.stranger, write),
        send(places.b, path("write", places.backup, places.b.instance)),
        send(places.a, path("read", places.backup, places.a.instance)),
        places.a.channel.get(write),
    ]
    whole(places)
    tried += [
        places.stranger.channel.get(read),
        places.stranger.channel.get(path("read", places.backup, places.stranger.instance)),
    ]
    assert [answer.status_code for answer in tried] == [404] * len(tried)
    refused = Record.objects.filter(action__regex="^database:guests:(read|write)_part$")
    assert refused.count() == len(tried)
    assert {row.target_id for row in refused} == {str(places.backup.id)}
    unvouched = client.put(
        f"/metadata{PREFIX}/{write}", DATA, content_type="application/octet-stream"
    )
    assert unvouched.status_code == 403


def test_a_piece_of_a_log_is_written_once_by_its_own_guest(places: Places) -> None:
    instance = places.a.instance
    archive = LogArchive.objects.create(
        instance_id=instance.id, project_id=instance.project_id, volume_size=1, enabled=True
    )
    way = tickets.log_path(archive.id, instance_id=instance.id).removeprefix(f"{PREFIX[1:]}/")
    stolen = tickets.log_path(archive.id, instance_id=places.b.instance.id)
    first = send(places.a, way.format(number=1))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(logs, "MOST_PIECES", -1)
        assert send(places.a, way.format(number=1)).status_code == 413
    for number in (7, 2**31 - 1, 1):  # what nobody names takes the room of one piece
        assert send(places.a, way.format(number=number)).status_code == 204
        assert len([*data_of_log(archive)._store.keys(f"{archive.id}/")]) == 1
    receipt = send(places.a, way.format(number=1)).headers["ETag"]  # nobody has named it yet
    said = {"archive": str(archive.id), "run": "a0", "number": 1, "receipt": receipt,
            "since": "0/1", "position": "0/2", "until": "2020-01-01T00:00:00Z"}  # fmt: skip
    places.a.mailbox.enrol()
    speak = places.a.identity.voice().say
    for wrong in (
        {"receipt": first.headers["ETag"] + "x"},
        {"number": 2},
        {"position": "0/0"},
        {"until": "soon"},
        {"until": "0001-01-01T00:00:00+14:00"},
        {"until": "9999-12-31T23:59:59-14:00"},
        {"run": "../x"},
        {"archive": str(instance.id)},
    ):
        with pytest.raises(Denied):
            speak("log", wire.dumped("LogSent", {**said, **wrong}))
    for _again in range(2):  # its answer may be lost
        speak("log", wire.dumped("LogSent", said))
    piece = LogPiece.objects.get()
    assert (piece.begins, piece.ends, piece.checksum) == (1, 2, SHA)
    tried = [
        send(places.a, way.format(number=1)),  # what is there stays
        send(places.b, way.format(number=2)),
        send(places.b, stolen.removeprefix(f"{PREFIX[1:]}/").format(number=2)),
        send(places.stranger, way.format(number=2)),
        places.a.channel.get(way.format(number=1)),
    ]
    reading = tickets.path_of("read_log", archive.id, 1, instance_id=places.b.instance.id)
    reading = reading.removeprefix(f"{PREFIX[1:]}/")
    assert places.b.channel.get(reading).getvalue() == DATA
    tried.append(places.stranger.channel.get(reading))
    LogArchive.objects.update(enabled=False)
    tried.append(send(places.a, way.format(number=2)))
    assert [answer.status_code for answer in tried] == [404] * len(tried)


def test_of_two_pieces_that_are_sent_at_once_one_stays(places: Places) -> None:
    instance = places.a.instance
    archive = LogArchive.objects.create(
        instance_id=instance.id, project_id=instance.project_id, volume_size=1, enabled=True
    )
    way = tickets.log_path(archive.id, instance_id=instance.id).removeprefix(f"{PREFIX[1:]}/")

    class Slow:
        """A body during which another one comes."""

        sent = False

        def read(self, size: int) -> bytes:
            if self.sent:
                return b""
            self.sent = True
            assert send(places.a, way.format(number=2)).status_code == 204
            return DATA[:size]

    asker = {"network_id": "", "address": ""}
    signature = way.rpartition("/")[2]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("databases.mailbox.guests.instance_at", lambda *_, **__: instance)
        with pytest.raises(Conflict):
            logs.write(asker, archive.id, 1, signature, read=Slow().read)
    assert [key.split("/")[1] for key in data_of_log(archive)._store.keys(f"{archive.id}/")] == [
        "00002"
    ]
