"""The processes: one qemu-storage-daemon for each volume in use, what is recorded of it, and its key."""

from __future__ import annotations

import json
import os
import secrets
import shutil
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from cloudweb import process
from cloudweb.driver import DriverError, TransientDriverError
from cloudweb.files import PASSED_THROUGH, make_directory, write_atomically
from cloudweb.records import read_record
from cloudweb.wire import AUTHZ, TLS, Wire, authz_list, listener, listening, tls_creds
from volume.drivers.base import WrongKey
from volume.drivers.file.daemon_exports import export_words
from volume.drivers.file.daemon_record import Record, parse
from volume.drivers.file.files import File
from volume.drivers.file.nodes import chain_node
from volume.drivers.file.qmp import DaemonSilent, monitor
from volume.drivers.file.relay import Relays
from volume.drivers.luks import SECRET_OBJECT, Keys, is_wrong_key
from volume.drivers.reaching import Reaching
from volume.drivers.serving import end_leftovers
from volume.objects import VolumeConnection

PROGRAM = "qemu-storage-daemon"
#: Of the directory of sockets, whose paths the kernel cuts at 107 characters.
_LONGEST = 90
_PATIENCE = 10.0
#: What a daemon calls the volume that it copies to, and serves once all have followed.
FORWARD = "forward"


class DaemonProcesses:
    """The processes of one back end; callers hold the volume's lock."""

    def __init__(self, directory: Path, wire: Wire, sockets: Path | None = None) -> None:
        self._records = directory / "daemons"
        self.reaching = Reaching(wire.certificates)
        self._sockets = sockets or directory / "s"
        self._wire = wire
        self._keys = Keys(self._sockets.with_name(f"{self._sockets.name}.keys"))
        self.relays = Relays(self._records, wire)

    def open(self) -> None:
        """Make the directories; daemons that run are found by their records."""
        if len(str(self._sockets)) > _LONGEST:
            raise DriverError(
                "The path of the volumes' sockets is too long; use a shorter CLOUDWEB_VAR.",
                detail=str(self._sockets),
            )
        make_directory(self._records)
        make_directory(self._sockets.parent, PASSED_THROUGH)
        make_directory(self._sockets, PASSED_THROUGH)
        end_leftovers(self._sockets)
        self._keys.open()

    def close(self) -> None:
        """Remove the directories; nothing runs any more."""
        self._keys.close()
        for path in (self._sockets, self._records):
            shutil.rmtree(path, ignore_errors=True)

    def volume_ids(self) -> Sequence[str]:
        """Return the ids of all volumes that have, or had, a daemon."""
        return sorted(path.stem for path in self._records.glob("*.json"))

    def get(self, volume_id: str) -> Record | None:
        """Return what is recorded of a volume's daemon, running or not."""
        return read_record(self._path(volume_id), parse)

    def keep(self, record: Record) -> Record:
        """Record what a daemon serves, and how."""
        write_atomically(self._path(record.volume_id), json.dumps(asdict(record)))
        return record

    def is_running(self, volume_id: str) -> bool:
        """Tell whether a volume's daemon runs."""
        return self._pid(volume_id) is not None

    def socket(self, record: Record) -> Path:
        """Return where a daemon serves guests of its own host."""
        return self._sockets / record.socket

    def census(self) -> Sequence[str]:
        """Return what is left of any daemon: records, processes, sockets."""
        found = [f"record {name}" for name in self.volume_ids()]
        found += [f"process {pid}" for pid in self._all_pids()]
        found += self.relays.census()
        found += [f"key {name}" for name in self._keys.volume_ids()]
        return [*found, *(f"socket {path.name}" for path in sorted(self._sockets.iterdir()))]

    def monitor(self, volume_id: str, *, timeout: float = 20.0) -> Any:
        """Give a connection to a volume's daemon."""
        record = self.get(volume_id)
        if record is None:
            raise DaemonSilent(detail=f"no record of {volume_id}")
        return monitor(self._monitor(record), timeout=timeout)

    def forwarding(
        self, volume_id: str, connection: Mapping[str, Any]
    ) -> tuple[Sequence[Mapping[str, Any]], Mapping[str, Any]]:
        """Return objects and block device by which a daemon reaches where a volume is."""
        found = VolumeConnection.load({**connection})
        secret = self._records / f"{volume_id}.key"
        objects = self.reaching.objects(found, FORWARD, secret)
        return objects, self.reaching.node(found, FORWARD)

    # How one begins and ends

    def _start(self, record: Record, chain: Sequence[File]) -> Record:
        volume_id = record.volume_id
        key = self._keys.get(volume_id) if is_encrypted(record, chain) else ""
        self._kill(volume_id)
        self.keep(replace(record, interrupted=True))
        place = self.socket(record)
        owner = place.stat() if place.exists() else None
        place.unlink(missing_ok=True)
        self._monitor(record).unlink(missing_ok=True)
        node = chain[0].node if record.forward is None else FORWARD
        exports = [
            json.dumps(export_words(node, name, one)) for name, one in record.exports.items()
        ]
        with self._server(record) as (server, keep):
            command = (
                PROGRAM,
                "--daemonize",
                "--pidfile",
                str(self._pid_file(volume_id)),
                *(SECRET_OBJECT if key else ()),
                "--chardev",
                f"socket,id=monitor,path={self._monitor(record)},server=on,wait=off",
                "--monitor",
                "chardev=monitor",
                *server,
                *self._served_node(record, chain),
                *(word for export in exports for word in ("--export", export)),
            )
            try:
                _run(*command, key=key, keep=keep)
            except WrongKey:
                self._keys.forget(volume_id)
                raise
        if owner is not None and place.exists():  # who may connect may do so again
            os.chown(place, owner.st_uid, owner.st_gid)
            place.chmod(owner.st_mode & 0o777)
        elif place.exists():
            place.chmod(0o600)
        return self.keep(replace(record, interrupted=False))

    def _served_node(self, record: Record, chain: Sequence[File]) -> Sequence[str]:
        """Return what a daemon has from its start: the volume's files, or where it is now."""
        if record.forward is None:
            return ("--blockdev", json.dumps(chain_node(chain)))
        objects, node = self.forwarding(record.volume_id, record.forward)
        words = (word for one in objects for word in ("--object", json.dumps(one)))
        return (*words, "--blockdev", json.dumps(node))

    @contextmanager
    def _server(self, record: Record) -> Iterator[tuple[Sequence[str], Collection[int]]]:
        """Give the words by which a daemon listens, and what it is to find open."""
        if not record.port:
            address = f"addr.type=unix,addr.path={self.socket(record)},max-connections=0"
            yield ("--nbd-server", address), ()
            return
        objects = ("--object", tls_creds(self._wire), "--object", authz_list(record.hosts))
        with listener(self._wire, record.port) as place:
            address = f"addr.type=fd,addr.str={place}"
            server = f"{address},tls-creds={TLS},tls-authz={AUTHZ},max-connections=0"
            yield (*objects, "--nbd-server", server), (place,)

    def _free_port(self) -> int:
        records = [one for name in self.volume_ids() if (one := self.get(name)) is not None]
        busy = {one.port for one in records} | listening()
        busy |= {served.port for one in records for served in one.exports.values()}
        free = [port for port in self._wire.ports if port not in busy]
        if not free:
            raise TransientDriverError("This host has no port left to serve a volume on.")
        return secrets.choice(free)

    def _pid(self, volume_id: str) -> int | None:
        pid = process.read_pid(self._pid_file(volume_id))
        if not process.is_running(pid, exe=PROGRAM):
            return None
        assert pid is not None
        return pid if self._is_ours(pid, volume_id) else None

    def _is_ours(self, pid: int, volume_id: str) -> bool:
        """Tell whether a process is the volume's daemon: pids come round, and others are daemons, too."""
        return str(self._pid_file(volume_id)) in process.words_of(pid)

    def _all_pids(self) -> Sequence[int]:
        """Return all daemons of this back end, recorded or not."""
        return process.running(PROGRAM, f"{self._records}/")

    def _kill(self, volume_id: str) -> None:
        """End a daemon whatever it does; also one whose pid file was not written yet, or is lost."""
        pids = [pid for pid in self._all_pids() if self._is_ours(pid, volume_id)]
        process.kill(pids, exe=PROGRAM)
        process.let_end(
            process.read_pid(self._pid_file(volume_id))
        )  # its files are not locked then

    def _wait_for_end(self, volume_id: str) -> None:
        if (pid := self._pid(volume_id)) is not None:
            process.wait_for_end(pid, timeout=_PATIENCE)

    # Its files

    def _path(self, volume_id: str) -> Path:
        return self._records / f"{volume_id}.json"

    def _pid_file(self, volume_id: str) -> Path:
        return self._records / f"{volume_id}.pid"

    def _monitor(self, record: Record) -> Path:
        return self._sockets / f"{record.socket}.m"


def is_encrypted(record: Record | None, chain: Sequence[File]) -> bool:
    """Tell whether a daemon needs a key for what it serves, here or where that is now."""
    if record is not None and record.forward is not None:
        return bool(record.forward["data"].get("encrypted"))
    return chain[0].encrypted


def _run(*command: str, key: str, keep: Collection[int]) -> None:
    """Start a daemon that goes on by itself; what keeps it from that may be over soon."""
    try:
        process.run(*command, timeout=30, data=key.encode() if key else None, keep=keep)
    except process.CommandFailed as error:
        if is_wrong_key(error):
            raise WrongKey(detail=error.detail) from error
        raise TransientDriverError(
            "The volume cannot be served now.", detail=error.detail
        ) from error
