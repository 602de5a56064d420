"""Log-ins and log-outs of browsers, which no manager sees (tokens leave records by their manager)."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.dispatch import receiver

from cloudweb import audit
from cloudweb.context import RequestContext
from cloudweb.exceptions import Unauthorized

LOG_IN, LOG_OUT = "identity:sessions:create", "identity:sessions:delete"
WRONG = "This name and password do not belong together."


@receiver(user_logged_in, dispatch_uid="audit.logged_in")
def logged_in(user: Any, **_: Any) -> None:
    """Record who came."""
    _keep(LOG_IN, user)


@receiver(user_logged_out, dispatch_uid="audit.logged_out")
def logged_out(user: Any, **_: Any) -> None:
    """Record who went; a session without a user is none."""
    if user is not None:
        _keep(LOG_OUT, user)


@receiver(user_login_failed, dispatch_uid="audit.login_failed")
def login_failed(credentials: dict[str, Any], **_: Any) -> None:
    """Record the name that was tried, and nothing else of what was sent."""
    name = credentials.get("username")
    tried = RequestContext(user_name=name if isinstance(name, str) else "")
    visit = audit.current_visit()
    audit.keep(audit.Act(LOG_IN, tried, visit, error=Unauthorized(WRONG)))


def _keep(action: str, user: Any) -> None:
    context = RequestContext(
        user_id=str(user.pk),
        user_name=user.get_username(),
        user_domain_id=getattr(user, "domain_id", None) or "",
    )
    audit.keep(audit.Act(action, context, audit.current_visit(), target_id=str(user.pk)))
