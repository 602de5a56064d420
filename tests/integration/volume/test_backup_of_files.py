"""Backups of volumes in files, through a host's agent, its daemons and the API: what is read back is what was."""

from __future__ import annotations

import base64
import hashlib
import itertools
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cloudweb.driver import DriverError, TransientDriverError, Unguarded
from cloudweb.encryption import encrypt
from cloudweb.image_cache.cache import ImageCache
from tests.builders.backups import api_in_process
from tests.builders.encrypted_bench import KEY, EncryptedFileBench
from tests.builders.identity import make_context, make_member
from tests.builders.stores import file_settings
from tests.builders.volume_bench import MIB, FileBench, export_of, unexport_of
from tests.builders.volumes import make_pool, make_volume, make_volume_type
from volume.agent import VolumeAgent
from volume.backup_transfers import manifest_of, repository_of, ticket_for, wanted_of
from volume.backups.admitting import admit
from volume.backups.objects import BackupPoint, BackupRequest, RestoreRequest
from volume.backups.sealing import fresh_key
from volume.drivers.nbd import NbdClient
from volume.models import Backup, BackupLineage
from volume.objects import VolumeConnection, VolumeSpec
from volume.states import BackupStatus

pytestmark = pytest.mark.django_db
WORK = Unguarded()
SIZE = 1024**3
_numbers = itertools.count()


class Site:
    """A host with volumes in files, and rows of its backups."""

    def __init__(self, bench: FileBench, directory: Path, *, passphrase: str = "") -> None:
        self.bench, self.passphrase = bench, passphrase
        images = ImageCache(directory / "images", 1 << 30)
        self.agent = VolumeAgent({"file": bench.driver}, images, directory / "agent")
        self.row = make_volume(make_context(make_member("member")), pool=make_pool())
        key = encrypt(base64.b64encode(fresh_key()).decode()) if passphrase else ""
        self.lineage = BackupLineage.objects.create(store="one", block_size=MIB, encrypted_key=key)
        self.spec = self.make()

    def make(self) -> VolumeSpec:
        spec = self.bench.spec(size=SIZE)
        self.bench.driver.create(spec, image=None, work=WORK)
        return spec

    def order(self, parent: Backup | None = None) -> tuple[Backup, BackupRequest]:
        backup = Backup.objects.create(
            project_id=self.row.project_id,
            volume_id=self.row.id,
            lineage=self.lineage,
            parent_id=None if parent is None else parent.id,
            size=1,
            ticket=str(next(_numbers)),
        )
        point = BackupPoint(id=str(backup.id), source=self.spec.ref)
        ticket = ticket_for(backup, "take")
        request = BackupRequest(
            point=point, url=ticket.url, signature=ticket.signature, passphrase=self.passphrase
        )
        return backup, request

    def admitted(self, backup: Backup) -> Backup:
        repository, key = repository_of(backup.lineage), str(backup.id)
        manifest = admit(
            repository.draft(key, size=SIZE),
            wanted_of(backup),
            size=SIZE,
            compression="zstd",
            encryption="aes-256-gcm" if self.passphrase else "none",
            own=set(repository.digests(key)),
        )
        backup.sha256, backup.status = repository.write_manifest(manifest), BackupStatus.AVAILABLE
        backup.save()
        return backup

    def take(self, parent: Backup | None = None) -> tuple[Backup, int]:
        backup, request = self.order(parent)
        taken = self.agent._backups.backup(request, WORK)
        return self.admitted(backup), taken.changed

    def restored(self, backup: Backup) -> str:
        Backup.objects.filter(id=backup.id).update(status=BackupStatus.RESTORING, ticket="r")
        backup.refresh_from_db()
        ticket = ticket_for(backup, "restore")
        spec = self.make()
        request = RestoreRequest(
            volume=spec.ref,
            backup_id=str(backup.id),
            url=ticket.url,
            signature=ticket.signature,
            passphrase=self.passphrase,
        )
        self.agent._backups.restore(request, WORK)
        Backup.objects.filter(id=backup.id).update(status=BackupStatus.AVAILABLE)
        found = self.digest(spec)
        self.bench.driver.delete(spec.ref, work=WORK)
        return found

    def digest(self, spec: VolumeSpec) -> str:
        """Digest the first 16 MiB of a volume at rest: what the tests write is there."""
        found, driver = hashlib.sha256(), self.bench.driver
        with driver.opened(spec.ref, self.passphrase), driver.writing(spec.ref) as client:
            found.update(client.read(0, 16 * MIB))
            assert client.data_after(16 * MIB) == SIZE
        return found.hexdigest()


def guest(connection: VolumeConnection) -> NbdClient:
    return NbdClient(Path(connection.path), connection.export)


@pytest.fixture
def site(settings: Any, tmp_path: Path) -> Iterator[Site]:
    settings.IMAGE_STORES = {"one": file_settings(tmp_path / "store")}
    make_volume_type()
    bench = FileBench()
    with api_in_process():
        yield Site(bench, tmp_path)
    bench.close()


def test_a_volume_that_a_guest_writes_to_comes_back_as_it_was_at_each_backup(site: Site) -> None:
    connection = site.agent.export(export_of(site.spec, site.bench.host), WORK)
    held = bytearray(16 * MIB)
    backups = []
    with guest(connection) as disk:
        parent: Backup | None = None
        for offset, length in ((0, 3 * MIB), (MIB, 4096), (9 * MIB + 7, 2 * MIB), (2 * MIB, MIB)):
            data = os.urandom(length)
            disk.write(offset, data)
            disk.flush()
            held[offset : offset + length] = data
            backup, request = site.order(parent)
            site.bench.driver.hold_point(request.point, work=WORK)
            disk.write(0, b"later" * 1000)  # after the moment
            disk.write(15 * MIB, b"later")
            taken = site.agent._backups.backup(request, WORK)
            disk.write(0, bytes(held[:5000]))
            disk.zero(15 * MIB, MIB)
            parent = site.admitted(backup)
            backups.append((parent, hashlib.sha256(held).hexdigest(), taken.changed // MIB))
    assert [changed for _, _, changed in backups] == [3, 1, 3, 1]
    assert [site.restored(backup) for backup, _, _ in backups] == [
        wanted for _, wanted, _ in backups
    ]
    first = manifest_of(backups[0][0])
    assert sum(place is not None for place in first.table) == 3


@pytest.fixture
def sealed(settings: Any, tmp_path: Path) -> Iterator[Site]:
    settings.IMAGE_STORES = {"one": file_settings(tmp_path / "store")}
    make_volume_type()
    bench = EncryptedFileBench()
    with api_in_process():
        yield Site(bench, tmp_path, passphrase=KEY)
    bench.close()


def test_an_encrypted_volume_comes_back_and_is_plain_nowhere(sealed: Site, tmp_path: Path) -> None:
    """Backed up at rest, in use, and of a snapshot; neither pool nor store shows what it holds."""
    secret = b"nobody reads this " * 60_000
    driver, ref = sealed.bench.driver, sealed.spec.ref
    with driver.opened(ref, KEY), driver.writing(ref) as disk:
        disk.write(0, secret)
    at_rest, _ = sealed.take()
    assert not [
        one for one in driver.census() if one.startswith("key")
    ]  # it is known no longer than it is needed
    request = export_of(sealed.spec, sealed.bench.host, passphrase=KEY)
    with guest(sealed.agent.export(request, WORK)) as disk:
        disk.write(8 * MIB, secret)
        disk.flush()
    in_use, changed = sealed.take(at_rest)
    assert changed < 3 * MIB
    sealed.agent.unexport(unexport_of(request), WORK)
    found = [sealed.restored(one) for one in (at_rest, in_use)]
    wanted = [bytearray(16 * MIB), bytearray(16 * MIB)]
    for content in wanted:
        content[: len(secret)] = secret
    wanted[1][8 * MIB : 8 * MIB + len(secret)] = secret
    assert found == [hashlib.sha256(content).hexdigest() for content in wanted]
    kept = b"".join(path.read_bytes() for path in (tmp_path / "store").rglob("*") if path.is_file())
    assert (len(kept) > 0, b"nobody reads" in kept) == (True, False)
    assert b"nobody reads" not in sealed.bench.on_disk()
    _, order = sealed.order()
    with pytest.raises(DriverError):
        sealed.agent._backups.backup(order.model_copy(update={"passphrase": "wrong"}), WORK)
    with pytest.raises(DriverError):
        sealed.agent._backups.backup(order.model_copy(update={"passphrase": ""}), WORK)


def test_a_backup_whose_volume_is_detached_meanwhile_is_taken_of_it_at_rest(site: Site) -> None:
    request = export_of(site.spec, site.bench.host)
    connection = site.agent.export(request, WORK)
    data = os.urandom(MIB)
    with guest(connection) as disk:
        disk.write(0, data)
        disk.flush()
    backup, order = site.order()
    site.bench.driver.hold_point(order.point, work=WORK)
    with site.bench.driver.reading(order.point) as source:
        assert source.read(0, MIB) == data
        site.agent.unexport(unexport_of(request), WORK)  # a detach always comes true
        with pytest.raises(TransientDriverError):
            source.read(0, MIB)
    site.agent._backups.backup(order, WORK)
    wanted = hashlib.sha256(data + bytes(15 * MIB)).hexdigest()
    assert site.restored(site.admitted(backup)) == wanted
    site.bench.driver.delete(site.spec.ref, work=WORK)
    assert list(site.bench.census()) == []


def test_a_volume_that_should_be_served_and_is_not_is_not_read_as_at_rest(site: Site) -> None:
    site.agent.export(export_of(site.spec, site.bench.host), WORK)
    site.bench.driver.daemons.end(site.spec.ref.id)  # as after a crash of the daemon
    _, order = site.order()
    with pytest.raises(TransientDriverError, match="not served"):
        site.agent._backups.backup(order, WORK)


def test_a_damaged_backup_stops_a_restore_with_a_sentence(site: Site, tmp_path: Path) -> None:
    with site.bench.driver.writing(site.spec.ref) as disk:
        disk.write(0, os.urandom(MIB))
    backup, _ = site.take()
    (chunk,) = (path for path in (tmp_path / "store").rglob("*") if len(path.name) == 64)
    chunk.unlink()
    with pytest.raises(DriverError, match="A chunk of the backup is gone"):
        site.restored(backup)
