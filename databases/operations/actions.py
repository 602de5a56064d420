"""What is done to a database that is there, by its guest alone: restart, settings, upgrade."""

from __future__ import annotations

from typing import Any

from cloudweb.rpc import Method
from databases import rpc
from databases.models import DatabaseInstance, DatastoreVersion
from databases.objects import Applied, Configuration, NoArguments, Prepared, UpgradeRequest
from databases.operations.create import settings_of
from databases.operations.fencing import server_started, start_server
from databases.operations.letters import answer_to, asks
from databases.operations.rows import fail, instance_of, rest, rest_after
from databases.states import OperatingStatus
from operations.saga import Failure, Run, Saga, Step


class DatabaseAction(Saga):
    """The base of what leaves an instance as it was where it fails."""

    resource_type = "database_instance"

    @classmethod
    def on_undone(cls, run: Run, failure: Failure | None) -> None:
        """It is as it was, and says why."""
        rest_after(run, failure)

    @classmethod
    def on_stuck(cls, run: Run, failure: Failure) -> None:
        """An operator is needed."""
        fail(run, failure)


def nothing(_run: Run) -> NoArguments:
    """Tell the guest nothing more."""
    return NoArguments()


def settings(run: Run) -> Configuration:
    """Return the settings that the guest shall have."""
    instance = instance_of(run)
    return Configuration(parameters=settings_of(instance), require_tls=instance.require_tls)


class RestartDatabase(DatabaseAction):
    """Have the datastore restarted, its server first where that is off; settings that waited for it count."""

    kind = "databases.restart"
    steps = (
        Step("start_server", start_server, done=server_started),
        *asks("restart", rpc.RESTART, nothing),
    )

    @classmethod
    def on_done(cls, run: Run) -> None:
        """It serves again."""
        rest(run, restart_required=False, operating_status=OperatingStatus.HEALTHY)


class ConfigureDatabase(DatabaseAction):
    """Give the guest the settings that its instance has now, or none, and whether TLS is a must."""

    kind = "databases.configure"
    steps = asks("apply", rpc.APPLY_CONFIGURATION, settings)

    @classmethod
    def on_done(cls, run: Run) -> None:
        """They count, or do after a restart."""
        waits = bool(answer_to(run, "apply", Applied).restart_required)
        before = instance_of(run).restart_required
        changes: dict[str, Any] = {"restart_required": waits or before}
        if waits:
            changes["operating_status"] = OperatingStatus.RESTART_REQUIRED
        rest(run, **changes)

    @classmethod
    def on_undone(cls, run: Run, failure: Failure | None) -> None:
        """The guest kept what it had: so does the row, but for what was changed in its configuration itself."""
        changes = {}
        if "before" in run.args:
            changes["configuration_id"] = run.args["before"]
        if "require_tls_before" in run.args:
            changes["require_tls"] = run.args["require_tls_before"]
        DatabaseInstance.objects.filter(id=run.resource_id).update(**changes)
        rest_after(run, failure)


def new_version(run: Run) -> UpgradeRequest:
    """Return the version that the guest shall serve."""
    version = DatastoreVersion.objects.get(id=run.args["version"])
    return UpgradeRequest(version=version.number)


def old_version(run: Run) -> tuple[Method[Any], UpgradeRequest]:
    """Return the version that it served before, which it goes back to."""
    return rpc.UPGRADE, UpgradeRequest(version=instance_of(run).version.number)


class UpgradeDatabase(DatabaseAction):
    """Have the guest serve its data with another version; one that cannot goes back to the old one."""

    kind = "databases.upgrade"
    steps = asks("upgrade", rpc.UPGRADE, new_version, back=old_version)

    @classmethod
    def on_done(cls, run: Run) -> None:
        """It is of that version now."""
        assert answer_to(run, "upgrade", Prepared) is not None
        rest(run, version_id=run.args["version"], operating_status=OperatingStatus.HEALTHY)
