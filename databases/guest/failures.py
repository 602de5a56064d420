"""What a method fails with: a code for programs, a sentence for tenants, the rest for operators."""

from __future__ import annotations


class GuestFailure(Exception):
    """A method cannot be done."""

    code = "failed"

    def __init__(self, public: str, *, detail: str = "", code: str = "") -> None:
        self.public, self.detail = public, detail
        self.code = code or self.code
        super().__init__(public)

    def said(self) -> dict[str, str]:
        """Return it as a GuestError crosses."""
        return {"code": self.code, "public": self.public[:500], "detail": self.detail[-2000:]}


class NotFound(GuestFailure):
    """No such database, user or log."""

    code = "not_found"


class Exists(GuestFailure):
    """A database or user of that name is there."""

    code = "exists"


class Refused(GuestFailure):
    """A name or value that the datastore does not take."""

    code = "refused"


class Damaged(GuestFailure):
    """The data are not whole."""

    code = "damaged"


class NotThere(GuestFailure):
    """The datastore does not answer now."""

    code = "not_running"


class Unsupported(GuestFailure):
    """A method that this agent, or its datastore, does not know."""

    code = "unsupported"
