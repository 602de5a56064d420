"""How identity looks in the OpenAPI schema: envelopes and answers by the noun that a path ends in."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from cloudweb.api.answers import Answer, listing, within
from cloudweb.api.schema import ServiceSchema
from identity.api import shapes


@dataclass(frozen=True, slots=True)
class Noun:
    """The envelope of one, and what is in it; ``body`` is the envelope of what clients send."""

    singular: str
    shape: type[Answer] | None = None
    body: str = ""


#: The last fixed word of a path -> what is there.
NOUNS: dict[str, Noun] = {
    "catalog": Noun("catalog", shapes.CatalogEntry),
    "domains": Noun("domain", shapes.DomainShown),
    "endpoints": Noun("endpoint", shapes.EndpointShown),
    "password": Noun("user"),
    "projects": Noun("project", shapes.ProjectShown),
    "regions": Noun("region", shapes.RegionShown),
    "role_assignments": Noun("role_assignment", shapes.AssignmentShown),
    "roles": Noun("role", shapes.RoleShown),
    "services": Noun("service", shapes.ServiceShown),
    "tokens": Noun("token", shapes.TokenShown, body="auth"),
    "users": Noun("user", shapes.UserShown),
}
#: Words whose GET answers one, though the path does not end in an id.
SINGLE = frozenset({"tokens"})


class IdentitySchema(ServiceSchema):
    """Views say what they take; the envelope around it and ``dict`` answers are filled in here."""

    @property
    def noun(self) -> tuple[str, Noun | None]:
        """The last fixed word of the path, and what is known about it."""
        word = [part for part in self.path.split("/") if not part.startswith("{")][-1]
        return word, NOUNS.get(word)

    def get_request_serializer(self) -> Any:
        """Return the body in its envelope."""
        model = super().get_request_serializer()
        _, noun = self.noun
        if noun is None or not (isinstance(model, type) and issubclass(model, BaseModel)):
            return model
        return within(noun.body or noun.singular, model)

    def get_response_serializers(self) -> Any:
        """Return the answers, with the shape of the noun for each that is just ``dict``."""
        answers = super().get_response_serializers()
        if not isinstance(answers, dict):
            return answers
        return {
            status: self._shape() or dict if answer is dict else answer
            for status, answer in answers.items()
        }

    def _shape(self) -> Any:
        word, noun = self.noun
        if noun is None or noun.shape is None:
            return None
        is_list = self.method == "GET" and word not in SINGLE and not re.search(r"}$", self.path)
        if is_list:
            return listing(word, noun.shape, links=shapes.ListLinks)
        return within(noun.singular, noun.shape)
