"""Backups of databases are looked through and restored on trial; nothing of a trial stays, and no tenant sees it."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from audit.models import Record
from cloudweb.context import RequestContext
from cloudweb.database.clock import now
from databases import conf, fake_guest, rpc
from databases.dumps.transfers import data_of
from databases.exceptions import BackupBusy
from databases.mailbox.letters import TOO_OLD
from databases.manager import DatabaseBackupManager, DatabaseBackupProofManager, LimitsManager
from databases.models import Backup, DatabaseInstance, Letter, PartsProject
from databases.states import BackupStatus, LetterState, Task
from instances.models import Instance
from network.manager import NetworkManager
from network.models import Network, Port, SecurityGroup, SecurityGroupRule
from tests.builders.databases import make_database_backup, make_instance
from tests.builders.identity import client_of
from tests.builders.instances import Lab
from tests.drills.databases import lab_of_databases
from volume.models import Volume

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.both_databases]
V1 = "/database/v1.0"


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Lab]:
    with lab_of_databases(tmp_path / "lab") as found:
        yield found


def backup_in(made: Lab, **facts: Any) -> Backup:
    """Return a backup of a database that is gone."""
    instance = make_instance(made.user)
    found = make_database_backup(instance, checksum=fake_guest.CHECKSUM, **facts)
    instance.delete()
    return found


def prove(made: Lab, backup: Backup, *, restore: bool = True) -> Backup:
    """Prove it, and see that nothing is left."""
    networks = Network.objects.count()
    DatabaseBackupProofManager(made.context).prove(str(backup.id), restore=restore)
    made.cloud.settle()
    assert not DatabaseInstance.objects.filter(is_scratch=True).exists()
    assert not Instance.objects.alive().exists()
    assert not Volume.objects.exists()
    assert Network.objects.count() == networks
    return Backup.objects.get(id=backup.id)


def test_one_is_restored_to_nobody(made: Lab) -> None:
    backup = backup_in(made)
    said = client_of(made.user).send(
        "POST", f"{V1}/backup_proofs", {"backup_proof": {"backup": str(backup.id)}}
    )
    assert said.status_code == 202, said.content
    assert said.json()["backup"]["restore_proven_at"] is None
    scratch = DatabaseInstance.objects.get()
    assert scratch.is_scratch
    # no tenant sees it, and it is in nobody's quota
    api = client_of(made.user)
    assert api.get(f"{V1}/instances").json() == {"instances": []}
    assert api.get(f"{V1}/instances/{scratch.id}").status_code == 404
    assert LimitsManager(made.context).use().used["instances"] == 0
    with pytest.raises(BackupBusy, match="already"):
        DatabaseBackupProofManager(made.context).prove(str(backup.id))
    made.cloud.settle()
    shown = api.get(f"{V1}/backups/{backup.id}").json()["backup"]
    assert shown["restore_proven_at"]
    assert shown["digests_proven_at"]
    assert (shown["proof_fault"], shown["proof_note"]) == (None, None)
    assert not DatabaseInstance.objects.exists()
    assert not Instance.objects.alive().exists()
    assert not Volume.objects.exists()
    assert not SecurityGroup.objects.filter(is_default=False).exists()
    assert not Port.objects.filter(name__startswith="database-").exists()
    assert not Network.objects.filter(name__startswith="database-").exists()


def test_what_is_restored_reaches_nobody(made: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    backup = backup_in(made)
    seen: list[Any] = []
    answer = fake_guest._METHODS[rpc.VERIFY.name]

    def verify(state: Any, told: Any, letter: Any) -> Any:
        rules = SecurityGroupRule.objects.filter(security_group_id=letter.instance.group_id)
        seen.extend(rules.values_list("direction", "remote_ip_prefix", "port_range_min"))
        return answer(state, told, letter)

    monkeypatch.setitem(fake_guest._METHODS, rpc.VERIFY.name, verify)
    prove(made, backup)
    assert seen == [("egress", "169.254.169.254/32", 80)]


def test_what_is_damaged_is_said_and_no_guest_is_asked(made: Lab) -> None:
    backup = backup_in(made)
    data = data_of(backup)
    body = io.BytesIO(b"all there is")
    receipt = data.take(1, body.read, limit=1 << 20)
    digest = hashlib.sha256(b"all there is").hexdigest()
    data.complete([receipt], sha256=digest)
    Backup.objects.update(parts=[[1, 12]], checksum=digest)
    # what is in the store is right, and is not what a fake guest sent
    found = prove(made, backup)
    assert found.digests_proven_at is not None
    assert (found.proof_fault, found.restore_proven_at) == ("The backup is damaged.", None)
    record = Record.objects.get(action="database:backups:unrestorable")
    assert (record.target_id, record.project_id) == (str(backup.id), backup.project_id)
    # a trial that failed stands until one succeeds: digests alone are not enough
    assert prove(made, backup, restore=False).proof_fault == "The backup is damaged."
    data.drop_part(1)
    before = Instance.objects.count()
    assert "gone" in prove(made, backup).proof_fault
    assert Instance.objects.count() == before
    receipt = data.take(1, io.BytesIO(b"all there is").read, limit=1 << 20)
    data.complete([receipt], sha256=digest)
    assert prove(made, backup, restore=False).proof_fault == ""


def test_what_says_nothing_about_the_backup_is_a_note(
    made: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    backup = backup_in(made, ram=1 << 20)
    found = prove(made, backup)
    assert "No flavor" in found.proof_note
    Backup.objects.update(ram=0)

    def too_old(_letter: Letter) -> None:
        _letter.error = {"code": TOO_OLD, "public": "It is too old.", "detail": ""}
        _letter.state, _letter.answered_at = LetterState.ANSWERED, now()
        _letter.save()

    answer = fake_guest.answer
    monkeypatch.setattr(
        fake_guest,
        "answer",
        lambda letter: too_old(letter) if letter.method == rpc.VERIFY.name else answer(letter),
    )
    found = prove(made, backup)
    assert (found.proof_fault, found.proof_note) == ("", "It is too old.")
    assert found.digests_proven_at is not None
    assert found.restore_proven_at is None


def test_what_is_left_of_a_trial_is_deleted(made: Lab) -> None:
    backup = backup_in(made)
    DatabaseBackupProofManager(made.context).prove(str(backup.id))
    system = DatabaseBackupProofManager(RequestContext.system())
    system.delete_left_trials()  # it is on trial
    while not Instance.objects.exists():
        made.cloud.pump(10, at_rest=False)
    made.cloud.settle()
    assert Backup.objects.get().restore_proven_at is not None
    parts = PartsProject.objects.get().parts_project_id
    context = RequestContext.system(project_id=parts)
    network = NetworkManager(context).create(name="of a trial")
    facts = {"project_id": parts, "parts_project_id": parts, "network_id": network.id}
    make_instance(made.user, is_scratch=True, task=Task.BUILD, **facts)
    system.delete_left_trials()
    made.cloud.settle()
    assert not DatabaseInstance.objects.exists()
    assert not Network.objects.filter(id=network.id).exists()


def test_a_delete_takes_its_place(made: Lab) -> None:
    backup = backup_in(made)
    DatabaseBackupProofManager(made.context).prove(str(backup.id))
    while not Instance.objects.exists():
        made.cloud.pump(10, at_rest=False)
    DatabaseBackupManager(made.context).delete(str(backup.id))
    made.cloud.settle()
    assert not Backup.objects.exists()
    assert not DatabaseInstance.objects.exists()
    assert not Instance.objects.alive().exists()


def test_rounds_begin_with_what_nobody_tried(made: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conf, "BACKUP_CHECKS", 1)
    monkeypatch.setattr(conf, "BACKUP_PROOFS", 1)
    first, _second = backup_in(made), backup_in(made)
    failed = backup_in(made, status=BackupStatus.FAILED)
    system = DatabaseBackupProofManager(RequestContext.system())
    with pytest.raises(BackupBusy, match="is FAILED"):
        system.prove(str(failed.id))
    rounds = []
    for _round in range(3):
        system.check_backups()
        made.cloud.settle()
        rounds.append(Backup.objects.filter(digests_proven_at__isnull=False).count())
    assert rounds == [1, 2, 2]
    system.prove_backups()
    made.cloud.settle()
    proven = Backup.objects.filter(restore_proven_at__isnull=False)
    assert [one.id for one in proven] == [first.id]
