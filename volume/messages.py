"""What users are told of operations that failed, in the codes and words that Cinder's clients know."""

from __future__ import annotations

from datetime import timedelta
from typing import NamedTuple

from cloudweb.database.clock import now
from operations.saga import Failure, Run
from volume import conf
from volume.exceptions import NoValidPool
from volume.models import Message


class Action(NamedTuple):
    """Something that can fail: its code in an event's id, and how a message begins."""

    code: str
    words: str


#: What Cinder has no code for has one from 100 on.
ACTIONS = {
    "create": Action("001", "schedule allocate volume"),
    "attach": Action("002", "attach volume"),
    "upload": Action("003", "copy volume to image"),
    "extend": Action("007", "extend volume"),
    "snapshot": Action("009", "create snapshot"),
    "delete_snapshot": Action("010", "delete snapshot"),
    "back_up": Action("013", "create backup"),
    "delete_backup": Action("014", "delete backup"),
    "restore": Action("015", "restore backup"),
    "reimage": Action("016", "reimage volume"),
    "delete": Action("100", "delete volume"),
    "detach": Action("101", "detach volume"),
    "revert": Action("102", "revert volume to snapshot"),
    "retype": Action("103", "retype volume"),
    "migrate": Action("104", "migrate volume"),
    "manage": Action("105", "manage volume"),
    "unmanage": Action("106", "unmanage volume"),
    "manage_snapshot": Action("107", "manage snapshot"),
    "unmanage_snapshot": Action("108", "unmanage snapshot"),
    "freeze": Action("110", "freeze the file systems of servers"),
    "delete_group_snapshot": Action("111", "delete snapshots of a group"),
}
UNKNOWN = "001"
#: Code of a failure -> its code in an event's id.
DETAILS = {NoValidPool.code: "003", "quota_exceeded": "006"}


#: What clients call the things that messages are about.
NOUNS = {
    "volume": "VOLUME",
    "snapshot": "VOLUME_SNAPSHOT",
    "group_snapshot": "VOLUME_GROUP_SNAPSHOT",
    "backup": "VOLUME_BACKUP",
}


def tell(
    run: Run,
    action: str,
    failure: Failure,
    *,
    project_id: str | None,
    noun: str = "volume",
    about: str | None = None,
) -> None:
    """Write down why an operation failed on what it is about; call in the transaction that ends it.

    ``about`` is another thing's id than that of the operation's resource. Nobody is told about what is
    gone (no project).
    """
    if project_id is None:
        return
    what, kind, moment = ACTIONS[action], NOUNS[noun], now()
    Message.objects.create(
        project_id=project_id,
        request_id=run.context.request_id,
        resource_type=kind,
        resource_id=about or run.resource_id,
        event_id=f"VOLUME_{kind}_{what.code}_{DETAILS.get(failure.code, UNKNOWN)}",
        text=f"{what.words}: {failure.public}",
        created_at=moment,
        expires_at=moment + timedelta(days=conf.MESSAGES_KEPT),
    )
