"""Prove a backup: compare all that the store has of it, and have a guest that nobody uses begin with it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from cloudweb import audit
from cloudweb.database.clock import now
from databases import rpc
from databases.dumps.transfers import data_of
from databases.exceptions import BackupDamaged
from databases.mailbox.letters import TOO_OLD
from databases.models import Backup, DatabaseInstance
from databases.objects import NoArguments, Prepared, PrepareDatastore, Verified
from databases.operations.create import what_to_prepare
from databases.operations.delete import DeleteDatabase
from databases.operations.letters import answer_to, asks, error_of
from databases.operations.parts import build_server, drop_port, drop_server
from databases.operations.rows import instance_of
from databases.operations.scratch import (
    choose_flavor,
    drop_network,
    is_tried,
    make_closed_port,
    make_network,
    on_scratch,
    unless_damaged,
)
from databases.states import WHOLE
from operations.holding import Resource
from operations.jobs import Running
from operations.saga import Failure, Job, Run, Saga, Step, StepFailed

#: What a guest fails with that says nothing about the backup.
_NOT_ITS_FAULT = (TOO_OLD, "unsupported", "transfer_failed", "timed_out")


def check(run: Run) -> Job:
    """Read all parts of it and of what it adds to."""
    backup = Backup.objects.select_related("parent").filter(id=run.resource_id).first()
    if backup is None:
        raise StepFailed("The backup is gone.")
    chain = backup.chain
    return Job(lambda running: _compare(running, chain), deadline=timedelta(hours=6))


def _compare(running: Running, chain: list[Backup]) -> Mapping[str, Any]:
    try:
        for number, one in enumerate(chain):
            running.report(number * 100 // len(chain))
            if one.parts:  # fake guests send none
                data = data_of(one)
                data.check(on_part=running.check)
                if data.manifest().sha256 != one.checksum:
                    return {"fault": "The backup is not the one that was taken.", "detail": ""}
    except BackupDamaged as error:
        return {"fault": error.message, "detail": error.detail}
    return {"fault": "", "detail": ""}


def to_prepare(run: Run) -> PrepareDatastore | None:
    """Return what the guest is to make of the backup."""
    if run.results["check"]["fault"] or not is_tried(run):
        return None
    return what_to_prepare(run)


def to_verify(run: Run) -> NoArguments | None:
    """Have the guest look through what it made."""
    return NoArguments() if answer_to(run, "prepare", Prepared) else None


class ProveDatabaseBackup(Saga):
    """Look whether a backup can be restored; whatever was made for that is gone at the end."""

    kind = "databases.prove_backup"
    resource_type = "database_backup"
    deadline = timedelta(hours=12)
    steps = (
        Step("check", check),
        Step("choose_flavor", unless_damaged(choose_flavor)),
        Step("make_network", unless_damaged(make_network), undo=on_scratch(drop_network)),
        Step("make_port", unless_damaged(make_closed_port), undo=on_scratch(drop_port)),
        Step("build_server", unless_damaged(build_server), undo=on_scratch(drop_server)),
        *asks("prepare", rpc.PREPARE, to_prepare, to=instance_of, fails=False),
        *asks("verify", rpc.VERIFY, to_verify, to=instance_of, fails=False),
        Step("drop_server", on_scratch(drop_server)),
        Step("drop_port", on_scratch(drop_port)),
        Step("drop_network", on_scratch(drop_network)),
    )

    @classmethod
    def holds(cls, *, resource_id: str, args: Mapping[str, Any]) -> Iterable[Resource]:
        """The database of the trial, too."""
        if "scratch" not in args:
            return []
        return [Resource(DeleteDatabase.resource_type, args["scratch"])]

    @classmethod
    def on_done(cls, run: Run) -> None:
        """Write down how far it was proven, or why it cannot be restored."""
        damage = run.results["check"]
        if damage["fault"]:
            cls._blame(run, damage["fault"], damage["detail"], digests_proven_at=None)
        else:
            cls._believe(run)
        _forget(run)

    @classmethod
    def _believe(cls, run: Run) -> None:
        moment = now()
        facts: dict[str, Any] = {"digests_proven_at": moment, "proof_note": ""}
        error = error_of(run, "prepare") or error_of(run, "verify")
        if error is not None and error["code"] not in _NOT_ITS_FAULT:
            cls._blame(run, error["public"], error.get("detail", ""), **facts)
            return
        if error is not None:
            facts["proof_note"] = error["public"]
        elif answer_to(run, "verify", Verified):
            facts |= {"restore_proven_at": moment, "proof_fault": ""}
        elif Backup.objects.filter(id=run.resource_id, digests_proven_at=None).exists():
            # digests were what was wrong, and they are right again
            facts["proof_fault"] = ""
        _write(run, **facts)

    @classmethod
    def _blame(cls, run: Run, fault: str, detail: str, **facts: Any) -> None:
        """Write down, and into the audit log, that it cannot be restored."""
        if not _write(run, **{"proof_note": "", **facts, "proof_fault": fault}):
            return  # it is being deleted
        backup = Backup.objects.get(id=run.resource_id)
        audit.keep(
            audit.Act(
                "database:backups:unrestorable",
                run.context,
                audit.current_visit(),
                target_id=str(backup.id),
                target_name=backup.name,
                error=StepFailed(fault, detail=detail),
                facts={"project_id": backup.project_id},
            )
        )

    @classmethod
    def on_undone(cls, run: Run, failure: Failure | None) -> None:
        """There was no room, or the store was away: that says nothing about the backup."""
        if failure is not None:
            _write(run, proof_note=failure.public)
        _forget(run)

    @classmethod
    def on_stuck(cls, run: Run, failure: Failure) -> None:
        """What is left of the trial is for an operator, who sees it among the databases."""
        _write(run, proof_note=failure.public)


def _write(run: Run, **values: Any) -> int:
    return Backup.objects.filter(id=run.resource_id, status__in=WHOLE).update(**values)


def _forget(run: Run) -> None:
    if "scratch" in run.args:
        DatabaseInstance.objects.filter(id=run.args["scratch"], is_scratch=True).delete()
