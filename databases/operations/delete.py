"""Delete a database with all its parts."""

from __future__ import annotations

from databases.models import BackupStrategy, DatabaseInstance
from databases.operations.following import forget_follower
from databases.operations.parts import drop_port, drop_server
from databases.operations.rows import fail
from databases.operations.scratch import drop_network
from operations.saga import Failure, Run, Saga, Step


class DeleteDatabase(Saga):
    """Delete the server with its volume, then port and group, a trial's network, then the row; backups stay."""

    kind = "databases.delete"
    resource_type = "database_instance"
    steps = (
        Step("drop_server", drop_server),
        Step("drop_port", drop_port),
        Step("drop_network", drop_network),
    )

    @classmethod
    def on_done(cls, run: Run) -> None:
        """It is gone; whom it followed keeps nothing for it."""
        rows = DatabaseInstance.objects.select_related("version")
        sources = [*rows.filter(replicas__id=run.resource_id)]
        rows.filter(id=run.resource_id).delete()
        BackupStrategy.objects.filter(instance_id=run.resource_id).delete()
        for source in sources:
            forget_follower(source)

    @classmethod
    def on_undone(cls, run: Run, failure: Failure | None) -> None:
        """Something is left: the next delete goes on."""
        if failure is not None:
            fail(run, failure)

    @classmethod
    def on_stuck(cls, run: Run, failure: Failure) -> None:
        """An operator is needed."""
        fail(run, failure)
