"""What a host does for backups: reads a volume at one moment, seals what is new, and hands it over."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any, cast

from cloudweb.agent import Function
from cloudweb.driver import DriverError, TransientDriverError, Work
from cloudweb.rpc import Method
from volume import rpc
from volume.backups.client import BackupClient
from volume.backups.driving import Backups
from volume.backups.exceptions import BackupDamaged, BackupUnreadable
from volume.backups.manifest import Compression, Manifest
from volume.backups.objects import (
    BackupPoint,
    BackupRequest,
    BackupTaken,
    BackupTerms,
    RestoreRequest,
)
from volume.backups.restoring import restore
from volume.backups.sealing import Sealer
from volume.backups.taking import Source, Taken, Wanted, take
from volume.drivers.base import VolumeDriver, opened
from volume.objects import VolumeRef, VolumeState

Locked = Callable[..., AbstractContextManager[Any]]


class HostBackups:
    """The backups of one host. ``locked`` keeps all other work from a volume; it is never held while one is read."""

    def __init__(
        self,
        driver: Callable[[VolumeRef], VolumeDriver],
        locked: Locked,
        in_use: Callable[[str], bool],
    ) -> None:
        self._driver_of, self._locked, self._in_use = driver, locked, in_use

    def methods(self) -> Mapping[Method[Any], Function]:
        """Return what does each of the backups' methods."""
        return {
            rpc.BACKUP: self.backup,
            rpc.RELEASE_BACKUP: self.release,
            rpc.RESTORE: self.restore,
        }

    def backup(self, request: BackupRequest, work: Work) -> BackupTaken:
        """Take a backup; after a crash it goes on with the same moment and what was stored of it."""
        point = request.point
        driver = self.hold(point, work)
        with (
            self._reading(driver, point, request.passphrase) as source,
            _client(request.url, request.signature, work) as client,
        ):
            taken = _take(source, client, work)
        self._release(driver, point, work)
        return BackupTaken(id=point.id, read=taken.read, changed=taken.changed, stored=taken.stored)

    def hold(self, point: BackupPoint, work: Work) -> Backups:
        """Hold what the point is of until it is released; return who reads it."""
        driver = self._driver(point.volume)
        with self._locked(point.volume.id):
            work.checkpoint()
            self._check_served(point)
            driver.hold_point(point, work=work)
        return driver

    def release(self, point: BackupPoint, work: Work) -> None:
        """Hold a volume for a backup no longer, whatever became of it."""
        self._release(self._driver(point.volume), point, work)

    def restore(self, request: RestoreRequest, work: Work) -> VolumeState:
        """Write a backup over a volume that nobody uses; every block is checked first."""
        driver = self._driver(request.volume)
        with (
            self._locked(request.volume.id),
            _client(request.url, request.signature, work) as client,
        ):
            work.checkpoint()
            terms = client.terms()
            manifest = Manifest.decode(client.manifest())
            with (
                self._opened(request.volume, request.passphrase),
                driver.writing(request.volume) as target,
            ):
                if target.size < manifest.header.size:
                    raise DriverError("The volume is smaller than the backup.")
                restore(
                    manifest, client, target, _sealer(terms), on_block=progress(work, target.size)
                )
            return self._driver_of(request.volume).get(request.volume)

    @contextmanager
    def _reading(self, driver: Backups, point: BackupPoint, passphrase: str) -> Iterator[Source]:
        """Open what is held; what serves it needs the passphrase only to begin."""
        volume = point.volume
        with ExitStack() as held:
            with self._locked(volume.id), self._opened(volume, passphrase):
                source = held.enter_context(driver.reading(point))
            yield source

    def _opened(self, ref: VolumeRef, passphrase: str) -> AbstractContextManager[None]:
        return opened(self._driver_of(ref), ref, passphrase)

    def _check_served(self, point: BackupPoint) -> None:
        """Wait with a volume that guests have and nothing serves just now: it would be read as at rest."""
        volume = point.volume
        served = self._driver_of(volume).exports().values()
        if point.source == volume and self._in_use(volume.id) and volume.id not in served:
            raise TransientDriverError("The volume is not served to its server just now.")

    def _release(self, driver: Backups, point: BackupPoint, work: Work) -> None:
        with self._locked(point.volume.id):
            work.checkpoint()
            driver.release_point(point, work=work)

    def _driver(self, ref: VolumeRef) -> Backups:
        driver = self._driver_of(ref)
        if not isinstance(driver, Backups):
            raise DriverError("This volume's back end cannot back up volumes.")
        return driver


@contextmanager
def _client(url: str, signature: str, work: Work) -> Iterator[BackupClient]:
    """Open a transfer; what is wrong with the data is an error of the host's order."""
    try:
        with BackupClient(url=url, signature=signature, work=work) as client:
            yield client
    except (BackupDamaged, BackupUnreadable) as error:
        raise DriverError(error.message, detail=error.detail) from error


def _take(source: Source, client: BackupClient, work: Work) -> Taken:
    terms = client.terms()
    wanted = Wanted(
        id=terms.id,
        lineage=terms.lineage,
        volume_id=terms.volume_id,
        created_at=terms.created_at,
        block_size=terms.block_size,
        parent=Manifest.decode(client.parent()) if terms.parent else None,
    )
    told, sealer = progress(work, source.size), _sealer(terms)
    manifest, taken = take(
        wanted, source, client, sealer, on_batch=lambda so_far: told(so_far.read)
    )
    client.put_manifest(manifest.encode())
    return taken


def _sealer(terms: BackupTerms) -> Sealer:
    key = None if terms.key is None else base64.b64decode(terms.key)
    return Sealer(compression=cast("Compression", terms.compression), key=key)


def progress(work: Work, size: int) -> Callable[[int], None]:
    """Return what is told how many bytes are done; it raises once the work counts no more."""
    told = -1

    def tell(done: int) -> None:
        nonlocal told
        work.checkpoint()
        percent = done * 100 // max(1, size)
        if percent != told:
            told = percent
            work.progress(percent, f"{done // 1024**2} of {size // 1024**2} MiB")

    return tell
