"""What drivers have in common whose volumes are served by daemons of QEMU: exports, and how they are reached."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cloudweb.wire import Wire
from volume.drivers.file.daemon import Daemons
from volume.drivers.file.daemon_record import Record, Served
from volume.drivers.file.files import File
from volume.objects import ExportRequest, VolumeConnection


class Exporting:
    """The exports of one back end of one host; callers hold the volume's lock."""

    def __init__(self, daemons: Daemons, *, host: str, wire: Wire) -> None:
        self._daemons, self._host, self._wire = daemons, host, wire

    def export(
        self, request: ExportRequest, chain: Sequence[File], *, size: int
    ) -> VolumeConnection:
        """Let a volume's daemon serve one attachment more; start it with the first."""
        record = self._daemons.serve(
            request.volume.id,
            chain,
            request.attachment_id,
            Served(request.to_host, request.mode == "ro", request.epoch),
            tls=request.to_host != self._host,
            passphrase=request.passphrase,
        )
        return self._connection(request, size, record)

    def exports(self) -> Mapping[str, str]:
        """Return what running daemons serve."""
        found: dict[str, str] = {}
        for volume_id in self._daemons.volume_ids():
            found.update(dict.fromkeys(self._daemons.served(volume_id), volume_id))
        return found

    def attachments(self, volume_id: str) -> Sequence[str]:
        """Return the attachments of a volume whose daemon runs."""
        record = self._daemons.get(volume_id)
        if record is None or not record.exports or not self._daemons.is_running(volume_id):
            return ()
        return sorted(record.exports)

    def _connection(self, request: ExportRequest, size: int, record: Record) -> VolumeConnection:
        where: dict[str, object] = {"kind": "nbd_unix", "path": str(self._daemons.socket(record))}
        if port := record.port or record.exports[request.attachment_id].port:
            where = {
                "kind": "nbd_tls",
                "address": self._wire.address,
                "port": port,
                "tls_name": self._host,
            }
        return VolumeConnection.model_validate(
            {
                "attachment_id": request.attachment_id,
                "epoch": request.epoch,
                "volume_id": request.volume.id,
                "size": size,
                "read_only": request.mode == "ro",
                "export": request.attachment_id,
                **where,
            }
        )
