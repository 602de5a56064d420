"""Every route of backups by everybody."""

from __future__ import annotations

from typing import Any

from cloudweb.context import RequestContext
from identity.models import User
from tests.builders.access import (
    OPERATORS,
    PROJECT_MEMBERS,
    PROJECT_READERS,
    Line,
    access_test,
    shared_world,
)
from tests.builders.backups import make_backup
from tests.builders.identity import make_context
from tests.builders.volumes import make_pool, make_volume, make_volume_type
from volume.manager import BackupManager, BackupScheduleManager

V3 = "/volume/v3"
BACKUP = f"{V3}/backups/{{backup_id}}"
SCHEDULE = f"{V3}/backup-schedules/{{schedule_id}}"
NEWEST = {"OpenStack-API-Version": "volume 3.70"}


def build(owner: User) -> dict[str, Any]:
    """Return the ids of a volume, a backup of it, and the record of one that is not here."""
    make_volume_type()
    context, system = make_context(owner), RequestContext.system()
    volume = make_volume(context, pool=make_pool())
    schedule = BackupScheduleManager(context).create(str(volume.id), {"name": "n", "interval": 1})
    elsewhere = make_backup(volume)
    service, url = BackupManager(system).export_record(str(elsewhere.id))
    elsewhere.delete()
    return {
        "volume_id": str(volume.id),
        "backup_id": str(make_backup(volume).id),
        "schedule_id": str(schedule.id),
        "service": service,
        "url": url,
    }


def read(path: str, passes: Any = PROJECT_READERS) -> Line:
    """Return the line of one thing of the project: for others it does not exist."""
    others = {"other": 404} if passes is PROJECT_READERS else {}
    return Line("GET", path, passes, others=others, headers=NEWEST)


def write(method: str, path: str, body: Any = None, *, status: int = 202) -> Line:
    """Return the line of a change of it."""
    return Line(
        method,
        path,
        PROJECT_MEMBERS,
        status=status,
        others={"other": 404},
        body=body,
        headers=NEWEST,
    )


def listed(path: str) -> Line:
    """Return the line of a list: each sees his own."""
    return Line("GET", V3 + path, PROJECT_READERS | {"other"}, headers=NEWEST)


def operate(method: str, path: str, body: Any, *, status: int = 202) -> Line:
    """Return the line of what is for operators."""
    return Line(method, path, OPERATORS, status=status, body=body, headers=NEWEST)


RECORD = {"backup-record": {"backup_service": "{service}", "backup_url": "{url}"}}
LINES = [
    listed("/backups"),
    listed("/backups/detail"),
    listed("/backup-proofs"),
    Line(
        "POST",
        f"{V3}/backups",
        PROJECT_MEMBERS - {"system_admin"},
        status=202,
        others={"other": 404},
        body={"backup": {"volume_id": "{volume_id}"}},
        headers=NEWEST,
    ),
    read(BACKUP),
    write("PUT", BACKUP, {"backup": {"name": "new"}}, status=200),
    write("DELETE", BACKUP),
    write("POST", f"{BACKUP}/restore", {"restore": {"volume_id": "{volume_id}"}}),
    read(f"{BACKUP}/export_record", OPERATORS),
    Line(
        "POST",
        f"{V3}/backups/import_record",
        OPERATORS - {"system_admin"},
        status=201,
        body=RECORD,
        headers=NEWEST,
    ),
    operate("POST", f"{BACKUP}/action", {"os-reset_status": {"status": "error"}}),
    operate("POST", f"{BACKUP}/action", {"os-force_delete": None}),
    listed("/backup-schedules"),
    write(
        "POST",
        f"{V3}/backup-schedules",
        {"backup_schedule": {"volume_id": "{volume_id}", "name": "n"}},
        status=201,
    ),
    read(SCHEDULE),
    write("PUT", SCHEDULE, {"backup_schedule": {"keep_last": 3}}, status=200),
    write("DELETE", SCHEDULE, status=204),
    read(f"{V3}/backup-proofs/{{backup_id}}"),
    write("POST", f"{V3}/backup-proofs", {"backup_proof": {"backup_id": "{backup_id}"}}),
]
world = shared_world(build)
test_access = access_test(LINES)
