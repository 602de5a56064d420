"""How identity looks in the OpenAPI schema: envelopes and answers by the noun that a path ends in."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from cloudweb.api.answers import Answer, listing, within
from cloudweb.api.page_links import ListLinks
from cloudweb.api.schema import ServiceSchema
from identity.api import shapes
from identity.api.serializers.catalog import EndpointShown
from identity.api.serializers.domains import DomainShown
from identity.api.serializers.policies import PolicyShown
from identity.api.serializers.projects import ProjectShown
from identity.api.serializers.roles import RoleShown


@dataclass(frozen=True, slots=True)
class Noun:
    """The envelope of one, and what is in it; ``body`` is the envelope of what clients send."""

    singular: str
    shape: type[Answer] | None = None
    body: str = ""
    plural: str = ""
    bare: bool = False  # the body has no envelope
    many: bool = False  # POST takes and answers several


#: The last fixed word of a path -> what is there.
NOUNS: dict[str, Noun] = {
    "catalog": Noun("catalog", shapes.CatalogEntry),
    "domains": Noun("domain", DomainShown),
    "ec2tokens": Noun("token", shapes.TokenShown, body="credentials"),
    "endpoints": Noun("endpoint", EndpointShown),
    "auth": Noun("token", shapes.TokenShown),
    "inherited_to_projects": Noun("role", RoleShown, plural="roles"),
    "policy": Noun("policy", PolicyShown),
    "projects": Noun("project", ProjectShown),
    "role_assignments": Noun("role_assignment", shapes.AssignmentShown),
    "roles": Noun("role", RoleShown),
    "s3tokens": Noun("token", shapes.TokenShown, body="credentials"),
    "tokens": Noun("token", shapes.TokenShown, body="auth"),
}
#: Words whose GET answers one, though the path does not end in an id.
SINGLE = frozenset({"auth", "policy", "tokens"})


class IdentitySchema(ServiceSchema):
    """Views say what they take; the envelope around it and ``dict`` answers are filled in here."""

    @property
    def noun(self) -> tuple[str, Noun | None]:
        """The last fixed word of the path, and what is known about it."""
        word = [part for part in self.path.split("/") if not part.startswith("{")][-1]
        return word, NOUNS.get(word)

    def _get_request_for_media_type(self, serializer: Any, direction: Any = "request") -> Any:
        """Put a body in its envelope."""
        _, noun = self.noun
        is_body = isinstance(serializer, type) and issubclass(serializer, BaseModel)
        if noun is not None and is_body and not noun.bare:
            serializer = within(noun.body or noun.singular, serializer)
        inherited: Any = super()._get_request_for_media_type
        return inherited(serializer, direction)

    def _get_response_for_code(self, serializer: Any, *args: Any, **kwargs: Any) -> Any:
        """Give an answer that is just ``dict`` the shape of its noun."""
        shape = self._shape() if serializer is dict else None
        return super()._get_response_for_code(shape or serializer, *args, **kwargs)

    def _shape(self) -> Any:
        word, noun = self.noun
        if noun is None or noun.shape is None:
            return None
        gives_all = self.method == "GET" and word not in SINGLE and not re.search(r"}$", self.path)
        if gives_all or (noun.many and self.method == "POST"):
            return listing(noun.plural or word, noun.shape, links=ListLinks)
        return within(noun.singular, noun.shape)
