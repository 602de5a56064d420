"""The base of identity's views."""

from __future__ import annotations

from typing import Any, TypeVar

from django.http import HttpRequest
from pydantic import BaseModel

from cloudweb.api.auth import remote_address
from cloudweb.api.views import ServiceViewSet
from cloudweb.context import RequestContext
from identity.api.schema import IdentitySchema
from identity.models import DEFAULT_DOMAIN_ID

B = TypeVar("B", bound=BaseModel)


class IdentityViewSet(ServiceViewSet):
    """A resource of identity."""

    schema = IdentitySchema()

    def wanted(self, envelope: str, model: type[B]) -> B:
        """Return the validated body under its envelope."""
        return self.validated(model, self.body(envelope))

    @property
    def own_domain_id(self) -> str:
        """Return the domain a new resource goes to unless the body names one."""
        context = self.context
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
