"""Which attachments may use which volume, as this host was last told, on its own disk.

``<directory>/<volume id>.json`` holds for each attachment its newest epoch, and the request, or null
once it was cut off: what comes with the same epoch or an older one after that is void.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cloudweb.driver import DriverError
from cloudweb.files import write_atomically
from cloudweb.records import forget, lost_in, read_record
from volume.objects import ExportRequest, UnexportRequest

_ID = re.compile(r"^[A-Za-z0-9][A-Za-z0-9-]{0,63}\Z")
#: Of so many attachments that were cut off a volume's record knows; older ones no order is on its way for.
REMEMBERED = 50


class CutOff(DriverError):
    """The attachment was cut off, or given to another host, by a newer order."""

    code = "attachment_cut_off"
    default_message = "The volume's attachment was cut off by a newer order."


@dataclass(frozen=True, slots=True)
class Export:
    """An attachment; ``request`` is None once it was cut off."""

    attachment_id: str
    epoch: int
    request: ExportRequest | None


class Exports:
    """The store; callers hold the volume's lock."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def volumes(self) -> Sequence[str]:
        """Return the ids of all volumes with a record."""
        if not self._directory.exists():
            return ()
        return sorted(path.stem for path in self._directory.glob("*.json"))

    def lost(self) -> Sequence[str]:
        """Return the ids of volumes whose records were damaged and not written again."""
        return lost_in(self._directory) if self._directory.exists() else ()

    def of(self, volume_id: str) -> Sequence[Export]:
        """Return the attachments known of a volume, those cut off first."""
        return read_record(self._path(volume_id), _parse) or ()

    def live(self, volume_id: str) -> Sequence[ExportRequest]:
        """Return the requests that count."""
        return [one.request for one in self.of(volume_id) if one.request is not None]

    def admit(self, request: ExportRequest) -> Sequence[UnexportRequest]:
        """Record that an attachment may use its volume; return those that may not any more.

        Raises CutOff for a request that something newer has made void.
        """
        if not _ID.match(request.attachment_id):
            raise DriverError("The order names an impossible attachment.")
        known = {one.attachment_id: one for one in self.of(request.volume.id)}
        mine = known.get(request.attachment_id)
        if mine is not None and (
            request.epoch < mine.epoch or (mine.request is None and request.epoch == mine.epoch)
        ):
            raise CutOff(detail=f"epoch {request.epoch}, known {mine.epoch}")
        gone = []
        for one in [*known.values()]:
            if one.request is None or _beside(one.request, request):
                continue
            if one.epoch > request.epoch:
                raise CutOff(detail=f"{one.attachment_id} has epoch {one.epoch}")
            gone.append(unexport_of(one.request))
            known[one.attachment_id] = Export(one.attachment_id, one.epoch, None)
        kept = request.model_copy(update={"passphrase": ""})  # that is not for a disk
        known[request.attachment_id] = Export(request.attachment_id, request.epoch, kept)
        self._write(request.volume.id, list(known.values()))
        return gone

    def revoke(self, request: UnexportRequest) -> bool:
        """Record that an attachment is cut off; tell whether it is, and not exported anew since."""
        known = {one.attachment_id: one for one in self.of(request.volume.id)}
        mine = known.get(request.attachment_id)
        if mine is not None and mine.epoch > request.epoch:
            return mine.request is None
        known[request.attachment_id] = Export(request.attachment_id, request.epoch, None)
        self._write(request.volume.id, list(known.values()))
        return True

    def forget(self, volume_id: str) -> None:
        """Forget a volume that is gone."""
        forget(self._path(volume_id))

    def _path(self, volume_id: str) -> Path:
        if not _ID.match(volume_id):
            raise DriverError("The order names an impossible volume.", detail=volume_id)
        return self._directory / f"{volume_id}.json"

    def _write(self, volume_id: str, exports: Sequence[Export]) -> None:
        ended = sorted((one for one in exports if one.request is None), key=lambda one: one.epoch)
        live = [one for one in exports if one.request is not None]
        record = {
            one.attachment_id: {
                "epoch": one.epoch,
                "request": None if one.request is None else one.request.dump(),
            }
            for one in [*ended[-REMEMBERED:], *live]
        }
        write_atomically(self._path(volume_id), json.dumps(record))


def _beside(older: ExportRequest, newer: ExportRequest) -> bool:
    """Tell whether both may be in force; of one attachment the same host has it again."""
    if older.attachment_id == newer.attachment_id:
        return older.to_host == newer.to_host
    return older.shared and newer.shared


def unexport_of(request: ExportRequest) -> UnexportRequest:
    """Return what cuts an attachment off that was let in by this request."""
    return UnexportRequest(
        volume=request.volume,
        attachment_id=request.attachment_id,
        epoch=request.epoch,
        to_host=request.to_host,
        to_address=request.to_address,
    )


def _parse(record: dict[str, Any]) -> Sequence[Export]:
    return [
        Export(
            attachment_id,
            int(one["epoch"]),
            None if one["request"] is None else ExportRequest.load(one["request"]),
        )
        for attachment_id, one in record.items()
    ]
