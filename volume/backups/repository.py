"""Where chunks and manifests are in a store: ``<lineage>/<backup>/``, each chunk under its digest."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Sequence

from cloudweb.stores.base import Store
from volume.backups import manifest as manifests
from volume.backups.exceptions import BackupDamaged
from volume.backups.manifest import Manifest, is_id
from volume.backups.sealing import OVERHEAD
from volume.backups.taking import Chunk

#: The folder of a store in which all backups are.
FOLDER = "backups"
_MANIFEST = "manifest"
#: A manifest that a host sent and nobody has checked yet.
_DRAFT = "draft"


class Repository:
    """The backups of one lineage in a store."""

    def __init__(self, store: Store, lineage: str) -> None:
        self._store = store
        self.lineage = _checked(lineage)

    def _folder(self, backup_id: str) -> str:
        return f"{self.lineage}/{_checked(backup_id)}"

    def _key(self, backup_id: str, digest: bytes) -> str:
        name = digest.hex()
        return f"{self._folder(backup_id)}/{name[:2]}/{name}"

    def put(self, backup_id: str, chunks: Sequence[Chunk]) -> None:
        """Store chunks of a backup. Raises StoreFull, StoreUnavailable."""
        for digest, chunk in chunks:
            self._store.put(self._key(backup_id, digest), chunk)

    def get(self, origin: str, digest: bytes, *, limit: int = manifests.MAX_BLOCK) -> bytes:
        """Return a chunk. Raises BackupDamaged where it is gone or too long, StoreUnavailable."""
        try:
            with self._store.open(self._key(origin, digest)) as file:
                chunk = file.read(limit + OVERHEAD + 1)
        except FileNotFoundError as error:
            raise BackupDamaged(
                "A chunk of the backup is gone.", detail=f"{origin} {digest.hex()}"
            ) from error
        if len(chunk) > limit + OVERHEAD:
            raise BackupDamaged("A chunk of the backup is damaged.", detail=digest.hex())
        return chunk

    def digests(self, backup_id: str) -> Iterator[bytes]:
        """Yield the names of the chunks that a backup wrote."""
        folder = f"{self._folder(backup_id)}/"
        for key in self._store.keys(folder):
            name = key.rpartition("/")[2]
            if name not in (_MANIFEST, _DRAFT):
                yield bytes.fromhex(name)

    def backups(self) -> Collection[str]:
        """Return the ids of all backups of which anything is there."""
        return {key.split("/")[1] for key in self._store.keys(f"{self.lineage}/")}

    def write_manifest(self, manifest: Manifest) -> str:
        """Store a manifest; return its SHA-256, by which it is known again."""
        data = manifest.encode()
        self._store.put(f"{self._folder(manifest.header.id)}/{_MANIFEST}", data)
        return hashlib.sha256(data).hexdigest()

    def has_manifest(self, backup_id: str) -> bool:
        """Tell whether a backup has a manifest."""
        key = f"{self._folder(backup_id)}/{_MANIFEST}"
        return key in self._store.keys(key)

    def manifest_bytes(self, backup_id: str, *, size: int, sha256: str = "") -> bytes:
        """Return a manifest as it is stored, of a backup of ``size`` bytes.

        Raises BackupDamaged where it is gone or not the one of this digest, StoreUnavailable.
        """
        limit = manifests.largest(size, manifests.MIN_BLOCK)
        try:
            with self._store.open(f"{self._folder(backup_id)}/{_MANIFEST}") as file:
                data = manifests.read(file, limit=limit)
        except FileNotFoundError as error:
            raise BackupDamaged("The backup's manifest is gone.", detail=backup_id) from error
        if sha256 and hashlib.sha256(data).hexdigest() != sha256:
            raise BackupDamaged("The backup's manifest was changed.", detail=backup_id)
        return data

    def read_manifest(self, backup_id: str, *, size: int, sha256: str = "") -> Manifest:
        """Return a manifest; raise BackupDamaged, BackupUnreadable, StoreUnavailable."""
        found = Manifest.decode(self.manifest_bytes(backup_id, size=size, sha256=sha256))
        if (found.header.id, found.header.lineage) != (backup_id, self.lineage):
            raise BackupDamaged("The backup's manifest is of another backup.", detail=backup_id)
        return found

    def put_draft(self, backup_id: str, data: bytes) -> None:
        """Keep what a host says is the manifest."""
        self._store.put(f"{self._folder(backup_id)}/{_DRAFT}", data)

    def draft(self, backup_id: str, *, size: int) -> bytes:
        """Return what a host said is the manifest. Raises BackupDamaged, StoreUnavailable."""
        limit = manifests.largest(size, manifests.MIN_BLOCK)
        try:
            with self._store.open(f"{self._folder(backup_id)}/{_DRAFT}") as file:
                return manifests.read(file, limit=limit)
        except FileNotFoundError as error:
            raise BackupDamaged("The host sent no manifest.", detail=backup_id) from error

    def delete_draft(self, backup_id: str) -> None:
        """Make what a host said absent."""
        self._store.delete(f"{self._folder(backup_id)}/{_DRAFT}")

    def delete_manifest(self, backup_id: str) -> None:
        """Make a manifest absent, and a draft of one: the backup is none any more."""
        self._store.delete(f"{self._folder(backup_id)}/{_MANIFEST}")
        self.delete_draft(backup_id)

    def delete(self, backup_id: str, digests: Iterable[bytes]) -> None:
        """Make chunks absent."""
        for digest in digests:
            self._store.delete(self._key(backup_id, digest))


def _checked(name: str) -> str:
    if not is_id(name):
        raise BackupDamaged("The backup names what is no id.", detail=name[:80])
    return name
