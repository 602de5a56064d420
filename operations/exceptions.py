"""What operators are refused."""

from __future__ import annotations

from cloudweb.exceptions import Conflict, NotFound


class OperationNotFound(NotFound):
    """There is no such operation."""

    code = "operation_not_found"
    default_message = "The operation could not be found."


class OperationEnded(Conflict):
    """What has ended can neither be tried again nor cancelled."""

    code = "operation_ended"
    default_message = "The operation has ended."


class OperationCannotTurnBack(Conflict):
    """It is being undone already, or is past the point up to which it could be."""

    code = "operation_cannot_turn_back"
    default_message = "The operation cannot be cancelled any more."


class PeriodicTaskNotFound(NotFound):
    """There is no such periodic task, or none any more."""

    code = "periodic_task_not_found"
    default_message = "The periodic task could not be found."
