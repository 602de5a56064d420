"""The daemons that serve volumes in use: one qemu-storage-daemon for each, which outlives us.

To guests of the same host a daemon serves on a Unix socket; to other hosts on a port, over TLS, and only
to those of them whose certificates its list names. It does the one or the other, as its first attachment
has it; another host that comes to a socket's volume gets a relay. What is recorded of a daemon says how it was started
and what it serves; whether it runs, its pid file and /proc say.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import structlog

from cloudweb import process
from cloudweb.driver import DriverError, TransientDriverError
from cloudweb.files import PASSED_THROUGH, make_directory, write_atomically
from cloudweb.records import forget, read_record
from cloudweb.wire import (
    AUTHZ,
    TLS,
    Wire,
    authz_list,
    listener,
    listening,
    rules,
    tls_creds,
)
from volume.drivers.base import NoKey, WrongKey
from volume.drivers.file.daemon_exports import (
    BUSY,
    drop_point,
    export_id,
    export_words,
    is_exported,
    node_names,
    point_name,
    put_above,
    refuse_while_held,
    remove_attachment,
    written_node,
)
from volume.drivers.file.daemon_record import Record, Served, parse
from volume.drivers.file.files import File
from volume.drivers.file.nodes import chain_node, file_node
from volume.drivers.file.qmp import CommandRefused, DaemonSilent, Monitor, monitor
from volume.drivers.file.relay import Relays
from volume.drivers.luks import SECRET_OBJECT, Keys, is_wrong_key
from volume.drivers.reaching import Reaching
from volume.objects import VolumeConnection

log = structlog.get_logger(__name__)
PROGRAM = "qemu-storage-daemon"
#: Of the directory of sockets, whose paths the kernel cuts at 107 characters.
_LONGEST = 90
_PATIENCE = 10.0
#: What a daemon calls the volume that it copies to, and serves once all have followed.
FORWARD = "forward"


class Daemons:
    """The daemons of one back end; callers hold the volume's lock."""

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
        self._keys.open()

    def close(self) -> None:
        """Remove the directories; nothing runs any more."""
        self._keys.close()
        for path in (self._sockets, self._records):
            shutil.rmtree(path, ignore_errors=True)

    # What there is

    def volume_ids(self) -> Sequence[str]:
        """Return the ids of all volumes that have, or had, a daemon."""
        return sorted(path.stem for path in self._records.glob("*.json"))

    def get(self, volume_id: str) -> Record | None:
        """Return what is recorded of a volume's daemon, running or not."""
        return read_record(self._path(volume_id), parse)

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

    def served(self, volume_id: str) -> Collection[str]:
        """Return the attachments that a running daemon serves."""
        record = self.get(volume_id)
        if record is None or record.interrupted or not self.is_running(volume_id):
            return ()
        exports = record.exports.items()
        return [name for name, one in exports if not one.port or self.relays.is_running(name)]

    def serves(self, volume_id: str) -> bool:
        """Tell whether a volume's daemon runs and serves somebody."""
        return bool(self.served(volume_id))

    # What is done

    def serve(
        self,
        volume_id: str,
        chain: Sequence[File],
        attachment_id: str,
        served: Served,
        *,
        tls: bool,
        passphrase: str = "",
    ) -> Record:
        """Make the daemon run and serve one attachment; return its record.

        Raises NoKey, WrongKey for an encrypted volume whose passphrase nobody told since its last export.
        """
        record = self.get(volume_id)
        if _is_encrypted(record, chain):
            self._learn(volume_id, passphrase)
        added = None
        if record is not None and self.is_running(volume_id):
            way = self._with_way(record, attachment_id, served, tls=tls)
            try:
                added = self._add(record, chain, attachment_id, way)
            except DaemonSilent:  # it may have been told to end by a process that died over that
                self._wait_for_end(volume_id)
                if self.is_running(volume_id):
                    raise
        if added is not None:
            record = added
        else:
            record = record or Record(volume_id, secrets.token_hex(6))
            if not record.exports.keys() - {attachment_id}:
                port = (record.port or self._free_port()) if tls else 0
                record = replace(record, port=port, exports={})
            served = self._with_way(record, attachment_id, served, tls=tls)
            exports = {**record.exports, attachment_id: served}
            record = self._start(replace(record, exports=exports), chain)
        for name, one in record.exports.items():
            if one.port:
                place = self.socket(record)
                self.relays.ensure(
                    name, socket=place, port=one.port, host=one.host, read_only=one.read_only
                )
        return record

    def _learn(self, volume_id: str, passphrase: str) -> None:
        """Keep an encrypted volume's passphrase for as long as it is served; raise NoKey, WrongKey."""
        known = self._keys.get(volume_id)
        if not passphrase and not known:
            raise NoKey
        if passphrase and passphrase != known:
            if known and self.is_running(volume_id):  # with the one that it was started with
                raise WrongKey
            self._keys.keep(volume_id, passphrase)

    @contextmanager
    def opened(self, volume_id: str, passphrase: str) -> Iterator[None]:
        """Know the passphrase of a volume that nobody uses."""
        self._learn(volume_id, passphrase)
        try:
            yield
        finally:
            if not self.is_running(volume_id):
                self._keys.forget(volume_id)

    def key(self, volume_id: str) -> str:
        """Return an encrypted volume's passphrase; raise NoKey."""
        found = self._keys.get(volume_id)
        if not found:
            raise NoKey
        return found

    def _with_way(self, record: Record, attachment_id: str, served: Served, *, tls: bool) -> Served:
        """Say through which port of a relay an attachment goes, if through one."""
        if record.port or not tls:
            return served
        known = record.exports.get(attachment_id)
        port = known.port if known is not None and known.port else self._free_port()
        return replace(served, port=port)

    def _add(
        self, record: Record, chain: Sequence[File], attachment_id: str, served: Served
    ) -> Record:
        known = record.exports.get(attachment_id)
        exports = {**record.exports, attachment_id: served}
        wanted = replace(record, exports=exports, interrupted=False)
        with self.monitor(record.volume_id) as daemon:
            self._admit(daemon, wanted)
            there = {one["id"] for one in daemon.run("query-block-exports")}
            if (
                export_id(attachment_id) in there
                and known is not None
                and known.differs_from(served)
            ):
                remove_attachment(daemon, attachment_id)
                self.relays.stop(attachment_id)
                there.discard(export_id(attachment_id))
            if export_id(attachment_id) not in there:
                refuse_while_held(daemon)
            nodes = node_names(daemon)  # a freeze that died may have put a file above what it has
            node = next((file.node for file in chain if file.node in nodes), FORWARD)
            for name, one in exports.items() if record.interrupted else [(attachment_id, served)]:
                if export_id(name) not in there:
                    daemon.run("block-export-add", **export_words(node, name, one))
        return self._keep(wanted)

    def cut_off(self, volume_id: str, attachment_id: str) -> None:
        """Serve an attachment no more; a daemon that does not obey, or has nothing to serve, is ended."""
        record = self.get(volume_id)
        if record is None:
            self._keys.forget(volume_id)
            return
        rest = {name: one for name, one in record.exports.items() if name != attachment_id}
        wanted = replace(record, exports=rest)
        if not rest:
            self.end(volume_id)
            return
        self.relays.stop(attachment_id)
        if self.is_running(volume_id):
            try:
                with self.monitor(volume_id) as daemon:
                    remove_attachment(daemon, attachment_id)
                    self._admit(daemon, wanted)
            except (DaemonSilent, CommandRefused) as error:
                log.warning("a daemon does not obey", volume=volume_id, detail=error.detail)
                self._kill(volume_id)
        self._keep(wanted)

    def end(self, volume_id: str) -> None:
        """End a volume's daemon and forget it, and the volume's key."""
        record = self.get(volume_id)
        if record is not None and self.is_running(volume_id):
            try:
                with self.monitor(volume_id) as daemon:
                    for attachment_id in record.exports:
                        remove_attachment(daemon, attachment_id)
                    daemon.run("quit")
                self._wait_for_end(volume_id)
            except (DaemonSilent, CommandRefused) as error:
                log.warning("a daemon does not end", volume=volume_id, detail=error.detail)
        self._kill(volume_id)
        for attachment_id in () if record is None else record.exports:
            self.relays.stop(attachment_id)
        if record is not None:
            for path in (self.socket(record), self._monitor(record), self._pid_file(volume_id)):
                path.unlink(missing_ok=True)
        (self._records / f"{volume_id}.key").unlink(missing_ok=True)
        self._keys.forget(volume_id)
        forget(self._path(volume_id))

    def resize(self, volume_id: str, file: File, size: int) -> None:
        """Make a volume in use larger: its clients are cut for a moment and find it so."""
        record = self.get(volume_id)
        assert record is not None
        self.follow(volume_id, file)
        with self.monitor(volume_id) as daemon:
            refuse_while_held(daemon)
        self._keep(replace(record, interrupted=True))  # who comes after a crash serves them again
        with self.monitor(volume_id) as daemon:
            for attachment_id in record.exports:
                remove_attachment(daemon, attachment_id)
            try:
                daemon.run("block_resize", node_name=file.node, size=size)
            except CommandRefused as error:
                raise TransientDriverError(BUSY, detail=error.detail) from error
            finally:
                for attachment_id, served in record.exports.items():
                    daemon.run("block-export-add", **export_words(file.node, attachment_id, served))
                self._keep(replace(record, interrupted=False))

    def reopen(self, volume_id: str, size: int) -> None:
        """Serve what a volume that went elsewhere is there now: larger; its clients come back, and find it so."""
        record = self.get(volume_id)
        if record is None or record.forward is None:
            return
        there = VolumeConnection.load({**record.forward}).model_copy(update={"size": size})
        record = self._keep(replace(record, forward=there.dump(), interrupted=True))
        if self.is_running(volume_id):
            _, node = self.forwarding(volume_id, there.dump())
            try:
                with self.monitor(volume_id) as daemon:
                    for attachment_id in record.exports:
                        remove_attachment(daemon, attachment_id)
                    daemon.run("blockdev-del", node_name=FORWARD)
                    daemon.run("blockdev-add", **node)
                    for attachment_id, served in record.exports.items():
                        daemon.run(
                            "block-export-add", **export_words(FORWARD, attachment_id, served)
                        )
            except CommandRefused as error:
                self._kill(volume_id)  # whoever serves it again opens it anew
                raise TransientDriverError(BUSY, detail=error.detail) from error
        self._keep(replace(record, interrupted=False))

    def size(self, volume_id: str, file: File) -> int:
        """Return the bytes that a daemon takes a file for."""
        with self.monitor(volume_id) as daemon:
            nodes = daemon.run("query-named-block-nodes", flat=True)
        return next(
            int(one["image"]["virtual-size"]) for one in nodes if one["node-name"] == file.node
        )

    def writes_to(self, volume_id: str, top: File) -> bool:
        """Tell whether a daemon has a file open; it has all that are below, too."""
        with self.monitor(volume_id) as daemon:
            return top.node in node_names(daemon)

    def follow(self, volume_id: str, top: File) -> None:
        """Let a daemon write to ``top``, a new file on that which it writes to, from one moment on."""
        with self.monitor(volume_id) as daemon:
            if top.node in node_names(daemon):
                return
            below = written_node(daemon)
            if below is None:  # it died over a resize; whoever serves the volume again starts above
                self._kill(volume_id)
                return
            put_above(daemon, top, below)

    def follow_together(self, tops: Mapping[str, File]) -> None:
        """Let daemons write to new files, each above its own, all from one moment on.

        Before the first does and until the last one did, nothing of what clients ask is done: they are
        cut off, and come again. So what one of them holds below was confirmed before what another holds
        above was asked for.
        """
        with ExitStack() as back:
            begun = {one: self._exports_away(one, top, back) for one, top in tops.items()}
            for volume_id, below in begun.items():
                if below is not None:
                    with self.monitor(volume_id) as daemon:
                        put_above(daemon, tops[volume_id], below)

    def _exports_away(self, volume_id: str, top: File, back: ExitStack) -> str | None:
        """Take a daemon's exports away until ``back`` ends; return the node that they were of.

        None for one that has nothing to follow: it writes to ``top``, or is ended, as in ``follow``.
        """
        record = self.get(volume_id)
        assert record is not None
        with self.monitor(volume_id) as daemon:
            refuse_while_held(daemon)
            below = written_node(daemon)
            if below is None:
                self._kill(volume_id)
                return None
            self._keep(replace(record, interrupted=True))  # after a crash they are served again
            back.callback(self._exports_back, record, top, below)
            for attachment_id in record.exports:
                remove_attachment(daemon, attachment_id)
            return None if top.node in node_names(daemon) else below

    def _exports_back(self, record: Record, top: File, below: str) -> None:
        with self.monitor(record.volume_id) as daemon:
            node = top.node if top.node in node_names(daemon) else below
            for attachment_id, served in record.exports.items():
                daemon.run("block-export-add", **export_words(node, attachment_id, served))
        self._keep(replace(record, interrupted=False))

    def merge(self, volume_id: str, top: File, layer: File, below: File | None, name: str) -> None:
        """Pull what is in ``layer`` up into ``top``, which a daemon writes to; ``name`` is ``below``'s."""
        job = f"merge-{secrets.token_hex(4)}"
        base: dict[str, Any] = (
            {} if below is None else {"base_node": below.node, "backing_file": name}
        )
        with self.monitor(volume_id, timeout=120) as daemon:
            daemon.run("block-stream", job_id=job, device=top.node, auto_dismiss=False, **base)
            daemon.wait_for_job(job)
            with suppress(CommandRefused):
                daemon.run("blockdev-del", node_name=layer.node)

    def holds_point(self, volume_id: str, point_id: str) -> bool:
        """Tell whether a daemon serves a volume as it was at a point."""
        with self.monitor(volume_id) as daemon:
            return is_exported(daemon, point_name(point_id))

    def hold_point(self, volume_id: str, top: File, spare: File, point_id: str) -> None:
        """Serve a volume as it is now, whoever writes to it; ``spare`` takes what is overwritten."""
        name = point_name(point_id)
        with self.monitor(volume_id) as daemon:
            drop_point(daemon, name)
            daemon.run(
                "blockdev-add",
                **{**file_node(spare, read_only=False), "node-name": name, "backing": top.node},
            )
            daemon.run("blockdev-backup", job_id=name, device=top.node, target=name, sync="none")
            export = {"type": "nbd", "id": name, "node-name": name, "name": name}
            daemon.run("block-export-add", **export, writable=False)

    def release_point(self, volume_id: str, point_id: str) -> None:
        """Serve it no more."""
        with self.monitor(volume_id) as daemon:
            drop_point(daemon, point_name(point_id))

    def monitor(self, volume_id: str, *, timeout: float = 20.0) -> Any:
        """Give a connection to a volume's daemon."""
        record = self.get(volume_id)
        if record is None:
            raise DaemonSilent(detail=f"no record of {volume_id}")
        return monitor(self._monitor(record), timeout=timeout)

    # Processes

    def _start(self, record: Record, chain: Sequence[File]) -> Record:
        volume_id = record.volume_id
        key = self._keys.get(volume_id) if _is_encrypted(record, chain) else ""
        self._kill(volume_id)
        self._keep(replace(record, interrupted=True))
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
        return self._keep(replace(record, interrupted=False))

    def _served_node(self, record: Record, chain: Sequence[File]) -> Sequence[str]:
        """Return what a daemon has from its start: the volume's files, or where it is now."""
        if record.forward is None:
            return ("--blockdev", json.dumps(chain_node(chain)))
        objects, node = self.forwarding(record.volume_id, record.forward)
        words = (word for one in objects for word in ("--object", json.dumps(one)))
        return (*words, "--blockdev", json.dumps(node))

    def forwarding(
        self, volume_id: str, connection: Mapping[str, Any]
    ) -> tuple[Sequence[Mapping[str, Any]], Mapping[str, Any]]:
        """Return objects and block device by which a daemon reaches where a volume is."""
        found = VolumeConnection.load({**connection})
        secret = self._records / f"{volume_id}.key"
        objects = self.reaching.objects(found, FORWARD, secret)
        return objects, self.reaching.node(found, FORWARD)

    def keep(self, record: Record) -> Record:
        """Record what a daemon serves, and how."""
        return self._keep(record)

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

    def _admit(self, daemon: Monitor, record: Record) -> None:
        """Let in the hosts that the record names, and no others; it holds for new connections."""
        if record.port:
            path, value = f"/objects/{AUTHZ}", rules(record.hosts)
            daemon.run("qom-set", path=path, property="rules", value=value)

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

    def _wait_for_end(self, volume_id: str) -> None:
        limit = time.monotonic() + _PATIENCE
        while self.is_running(volume_id) and time.monotonic() < limit:
            time.sleep(0.002)

    # Records

    def _path(self, volume_id: str) -> Path:
        return self._records / f"{volume_id}.json"

    def _pid_file(self, volume_id: str) -> Path:
        return self._records / f"{volume_id}.pid"

    def _monitor(self, record: Record) -> Path:
        return self._sockets / f"{record.socket}.m"

    def _keep(self, record: Record) -> Record:
        write_atomically(self._path(record.volume_id), json.dumps(asdict(record)))
        return record


def _is_encrypted(record: Record | None, chain: Sequence[File]) -> bool:
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
