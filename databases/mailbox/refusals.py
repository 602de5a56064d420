"""What a guest may not do is refused, and stands in the audit log with the guest that tried it."""

from __future__ import annotations

from typing import NoReturn

from cloudweb import audit
from cloudweb.context import RequestContext
from cloudweb.exceptions import CloudwebError


class GuestRefused(CloudwebError):
    """A guest said something it may not say; it reads no more than this."""

    status = 404
    code = "guest_refused"
    default_message = "There is no mailbox for you."


class GuestReplayed(GuestRefused):
    """A word, or a token, that was said before."""

    status = 409
    code = "guest_replayed"
    default_message = "This was said before."


class GuestUnknown(GuestRefused):
    """A token or key whose time is over."""

    status = 410
    code = "guest_unknown"
    default_message = "This is known no longer."


def refused(error: GuestRefused, *, kind: str, server: str, project: str, claimed: str) -> NoReturn:
    """Write down who tried what: the server at whose port it was asked, and whose it claimed to be.

    Raises the refusal.
    """
    facts = {"user_name": f"guest of server {server}", "target_id": claimed, "project_id": project}
    audit.keep(
        audit.Act(
            f"database:guests:{kind}",
            RequestContext(user_name=facts["user_name"], project_id=project),
            audit.current_visit(),
            target_id=claimed,
            error=error,
            facts=facts,
        )
    )
    raise error
