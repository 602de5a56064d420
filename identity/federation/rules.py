"""The form of mapping rules, as OpenStack's documentation describes them.

A rule says what must be true of a provider's claims (``remote``) and what the user then is here
(``local``). What cannot be honoured is refused when the rules are stored, not at a log-in.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    TypeAdapter,
    ValidationError,
)
from pydantic import model_validator as check

from cloudweb.exceptions import InvalidInput
from cloudweb.patterns import expression

MOST_RULES = 200
LONGEST_PATTERN = 1024
Label = Annotated[str, StringConstraints(min_length=1, max_length=255)]
Pattern = Annotated[str, StringConstraints(max_length=LONGEST_PATTERN)]
Values = Annotated[tuple[Pattern, ...], Field(max_length=1024)]
PLACE = re.compile(r"\{(\d{1,3})\}")


@lru_cache(maxsize=1024)
def expression_of(pattern: str) -> Any:
    """Return a pattern of a mapping, compiled; raise InvalidInput. Claims are what users made them."""
    return expression(pattern, field="regex", longest=LONGEST_PATTERN)


class Part(BaseModel):
    """A piece of the rules: a key that is unknown would be a condition nobody checks."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Remote(Part):
    """One demand on a claim; without a condition the claim only has to be there."""

    type: Label
    any_one_of: Values | None = None
    not_any_of: Values | None = None
    whitelist: Values | None = None
    blacklist: Values | None = None
    regex: bool = False

    @check(mode="after")
    def _is_one_condition(self) -> Remote:
        given = [one for one in self.conditions() if one is not None]
        if len(given) > 1:
            raise ValueError(
                "it may hold one of any_one_of, not_any_of, whitelist and blacklist alone"
            )
        if self.regex and not given:
            raise ValueError("regex needs any_one_of, not_any_of, whitelist or blacklist")
        for pattern in given[0] if self.regex and given else ():
            try:
                expression_of(pattern)
            except InvalidInput as error:
                raise ValueError(f"{pattern!r}: {error.reason}") from error
        return self

    def conditions(self) -> tuple[Values | None, ...]:
        """Return the four lists in a fixed order."""
        return self.any_one_of, self.not_any_of, self.whitelist, self.blacklist

    @property
    def is_direct(self) -> bool:
        """Tell whether ``{0}``, ``{1}`` … count this demand: it hands values on."""
        return self.any_one_of is None and self.not_any_of is None


class DomainName(Part):
    """A domain by id or name."""

    id: Label | None = None
    name: Label | None = None

    @check(mode="after")
    def _is_named(self) -> DomainName:
        if (self.id is None) == (self.name is None):
            raise ValueError("a domain is given by its id or by its name")
        return self


class LocalUser(Part):
    """What the user is called here; ``id`` is taken from issuer and subject, whatever stands here."""

    name: Label | None = None
    id: Label | None = None
    email: Label | None = None
    domain: DomainName | None = None
    type: Label | None = None

    @check(mode="after")
    def _is_ephemeral(self) -> LocalUser:
        if self.type not in (None, "ephemeral"):
            raise ValueError(
                "users of type 'local' are refused: no claim opens an existing account"
            )
        if self.domain is not None:
            raise ValueError("users live in the domain of their identity provider")
        return self


class LocalGroup(Part):
    """One group by id, or by name and domain."""

    id: Label | None = None
    name: Label | None = None
    domain: DomainName | None = None

    @check(mode="after")
    def _is_named(self) -> LocalGroup:
        if (self.id is None) == (self.name is None):
            raise ValueError("a group is given by its id, or by its name and domain")
        if self.name is not None and self.domain is None:
            raise ValueError("a group that is named needs its domain")
        return self


def _no_projects(given: Any) -> Any:
    if isinstance(given, dict) and "projects" in given:
        raise ValueError("projects are not made by mappings: give a group its roles instead")
    return given


class Local(Part):
    """A part of what the user is here."""

    user: LocalUser | None = None
    group: LocalGroup | None = None
    groups: Label | None = None
    group_ids: Label | None = None
    domain: DomainName | None = None

    @check(mode="after")
    def _names_something(self) -> Local:
        if self.groups is not None and self.domain is None:
            raise ValueError("groups need the domain they are in")
        if self.domain is not None and self.groups is None:
            raise ValueError("a domain stands beside groups alone")
        return self


class Rule(Part):
    """If every demand of ``remote`` holds, everything in ``local`` does."""

    local: Annotated[
        tuple[Annotated[Local, BeforeValidator(_no_projects)], ...], Field(min_length=1)
    ]
    remote: Annotated[tuple[Remote, ...], Field(min_length=1, max_length=64)]

    @check(mode="after")
    def _places_exist(self) -> Rule:
        direct = sum(demand.is_direct for demand in self.remote)
        for text in _texts([part.model_dump() for part in self.local]):
            for place in PLACE.findall(text):
                if int(place) >= direct:
                    raise ValueError(
                        f"{{{place}}} has no counterpart: {direct} of the demands hand a value on"
                    )
        return self


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    parts = (
        value.values()
        if isinstance(value, dict)
        else value
        if isinstance(value, list | tuple)
        else ()
    )
    return [text for part in parts for text in _texts(part)]


_RULES = TypeAdapter(Annotated[tuple[Rule, ...], Field(min_length=1, max_length=MOST_RULES)])


def parse_rules(given: Sequence[Any]) -> tuple[Rule, ...]:
    """Return rules that can be applied; raise InvalidInput naming the first part that is wrong."""
    try:
        return _RULES.validate_python(given)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(str(part) for part in ("rules", *first["loc"]))
        reason = first["msg"].removeprefix("Value error, ")
        raise InvalidInput(
            field=place, value=None, reason=f"{reason[:1].upper()}{reason[1:]}."
        ) from error
