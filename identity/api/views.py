"""Who calls, as identity's views see it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest

from cloudweb.api.auth import remote_address
from cloudweb.context import RequestContext
from identity.ids import undashed
from identity.models import DEFAULT_DOMAIN_ID


def is_own_id(given: Any, path: Mapping[str, Any]) -> bool:
    """Tell whether a body says the id that its path ends in."""
    last = list(path.values())[-1:]
    return isinstance(given, str) and [undashed(given)] == [undashed(one) for one in last]


def own_domain_id(context: RequestContext) -> str:
    """Return the domain a new resource goes to unless the body names one."""
    return (
        context.domain_id
        or context.project_domain_id
        or context.user_domain_id
        or DEFAULT_DOMAIN_ID
    )


def stranger(request: HttpRequest) -> RequestContext:
    """Return the context of whoever has shown nothing yet."""
    return RequestContext(
        request_id=getattr(request, "request_id", ""), remote_address=remote_address(request)
    )
