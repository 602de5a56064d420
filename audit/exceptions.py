"""What the audit log refuses."""

from __future__ import annotations

from cloudweb.exceptions import BadRequest, NotFound


class RecordNotFound(NotFound):
    """No such record, or one of another project."""

    code = "record_not_found"
    default_message = "There is no such record."


class NoSuchMarker(BadRequest):
    """The marker names no record that the caller can see."""

    code = "no_such_marker"
    default_message = "The marker names no record."
