"""What reconciliation refuses."""

from __future__ import annotations

from cloudweb.exceptions import Conflict, NotFound


class DifferenceNotFound(NotFound):
    """No such difference, or it is gone."""

    code = "difference_not_found"
    default_message = "There is no such difference any more."


class NothingHeals(Conflict):
    """A difference that nothing of ours can put right."""

    code = "nothing_heals"
    default_message = "Only a human can put this right."
