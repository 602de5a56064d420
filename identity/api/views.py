"""The base of identity's views."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from django.http import HttpRequest
from pydantic import BaseModel

from cloudweb.api.auth import remote_address
from cloudweb.api.views import ServiceViewSet
from cloudweb.context import RequestContext
from identity.api.schema import IdentitySchema
from identity.ids import undashed
from identity.models import DEFAULT_DOMAIN_ID

B = TypeVar("B", bound=BaseModel)


class IdentityViewSet(ServiceViewSet):
    """A resource of identity."""

    schema = IdentitySchema()

    def wanted(self, envelope: str, model: type[B]) -> B:
        """Return the validated body under its envelope; a PATCH may repeat the id of its path."""
        given = self.body(envelope)
        if self.request.method == "PATCH" and is_own_id(given.get("id"), self.kwargs):
            given = {name: value for name, value in given.items() if name != "id"}
        return self.validated(model, given)


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


def described(body: Any) -> dict[str, Any]:
    """Return the changes that many bodies can hold: description, immutable, invented attributes.

    A null description is an empty one.
    """
    changes: dict[str, Any] = {}
    if "description" in body.model_fields_set:
        changes["description"] = body.description or ""
    options = getattr(body, "options", None)
    if options is not None and "immutable" in options.model_fields_set:
        changes["immutable"] = bool(options.immutable)
    return changes


def given(body: BaseModel, *names: str) -> dict[str, Any]:
    """Return those of the named attributes that the client sent."""
    return {name: getattr(body, name) for name in names if name in body.model_fields_set}
