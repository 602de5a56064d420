"""The daemons that serve volumes in use: one qemu-storage-daemon for each, which outlives us.

To guests of the same host a daemon serves on a Unix socket; to other hosts on a port, over TLS, and only
to those of them whose certificates its list names. It does the one or the other, as its first attachment
has it; another host that comes to a socket's volume gets a relay. What is recorded of a daemon says how it was started
and what it serves; whether it runs, its pid file and /proc say.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import structlog

from cloudweb.records import forget
from cloudweb.wire import AUTHZ, rules
from volume.drivers.base import NoKey, WrongKey
from volume.drivers.file.daemon_exports import (
    export_id,
    export_words,
    node_names,
    refuse_while_held,
    remove_attachment,
)
from volume.drivers.file.daemon_files import DaemonFiles
from volume.drivers.file.daemon_process import FORWARD, is_encrypted
from volume.drivers.file.daemon_record import Record, Served
from volume.drivers.file.files import File
from volume.drivers.file.qmp import CommandRefused, DaemonSilent, Monitor

log = structlog.get_logger(__name__)


class Daemons(DaemonFiles):
    """The daemons of one back end; callers hold the volume's lock."""

    def served(self, volume_id: str) -> Collection[str]:
        """Return the attachments that a running daemon serves."""
        record = self.get(volume_id)
        if record is None or record.interrupted or not self.is_running(volume_id):
            return ()
        exports = record.exports.items()
        return [name for name, one in exports if not one.port or self.relays.is_running(name)]

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
        if is_encrypted(record, chain):
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
        return self.keep(wanted)

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
        self.keep(wanted)

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

    def _admit(self, daemon: Monitor, record: Record) -> None:
        """Let in the hosts that the record names, and no others; it holds for new connections."""
        if record.port:
            path, value = f"/objects/{AUTHZ}", rules(record.hosts)
            daemon.run("qom-set", path=path, property="rules", value=value)
