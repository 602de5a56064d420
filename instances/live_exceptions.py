"""What goes wrong with live migrations before they begin, and with what is asked of them on the way."""

from __future__ import annotations

from collections.abc import Sequence

from cloudweb.exceptions import BadRequest, Conflict


class HostMovesNothing(Conflict):
    """The hypervisor of the server's host cannot."""

    code = "host_moves_nothing"
    default_message = "The server's hypervisor brings no server elsewhere while it runs."


class CannotMigrateLive(BadRequest):
    """What hosts say against it."""

    code = "migration_pre_check_error"

    def __init__(self, reasons: Sequence[str]) -> None:
        super().__init__(f"Migration pre-check error: {' '.join(reasons)}")


class InvalidMigrationState(BadRequest):
    """A migration cannot be forced to an end, or called off, as far as it is."""

    code = "invalid_migration_state"

    def __init__(self, migration_id: int, instance_id: str, status: str, method: str) -> None:
        super().__init__(
            f"Migration {migration_id} state of instance {instance_id} is {status}. "
            f"Cannot {method} while the migration is in this state."
        )
