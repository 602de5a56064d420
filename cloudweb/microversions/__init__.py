"""Microversions: a service's list of what each one changed, and the words that say where it shows.

A service has one list (``compute.py`` beside this) and its ``since`` and ``until`` come from there.
They stand where the thing is, and say all that is said of versions:

    description: Annotated[Text | None, since(19)] = None   # a field of a body or of an answer
    @since(26)                                              # a method of a view, else 404
    versions: Versions = until(5)                           # a record, such as that of an action
    if self.version in since(7):                            # whatever else depends on it

``until(56)`` names the last version that has a thing: it is what 2.57 changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeVar

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler, ValidationInfo
    from pydantic_core import CoreSchema

F = TypeVar("F", bound=Callable[..., Any])
#: The type of the error about a field that its version does not have.
OUTSIDE = "outside_version"


class Microversion(NamedTuple):
    """A version such as 2.96; compares as numbers do, part by part."""

    major: int
    minor: int

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}"


@dataclass(frozen=True, slots=True)
class Versions:
    """The versions that have a thing, both ends included; None is no end."""

    first: Microversion | None = None
    last: Microversion | None = None

    def __contains__(self, version: Microversion) -> bool:
        return (self.first is None or self.first <= version) and (
            self.last is None or version <= self.last
        )

    def __and__(self, other: Versions) -> Versions:
        """Return the versions that are in both."""
        firsts = [end for end in (self.first, other.first) if end is not None]
        lasts = [end for end in (self.last, other.last) if end is not None]
        return Versions(max(firsts, default=None), min(lasts, default=None))

    def __str__(self) -> str:
        """Return a sentence for those who read the schema."""
        if self.first and self.last:
            return f"From {self.first} to {self.last}."
        if self.first:
            return f"From {self.first} on."
        return f"Up to {self.last}." if self.last else "At every version."

    def __call__(self, method: F) -> F:
        """Mark a view's method, as a decorator."""
        method.versions = self & versions_of_method(method)  # type: ignore[attr-defined]
        return method

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        from pydantic_core import core_schema  # the supervisor comes by here, and reads no body

        return core_schema.with_info_before_validator_function(self._check, handler(source))

    def _check(self, value: Any, info: ValidationInfo) -> Any:
        """Refuse a field that was sent at a version without it; defaults never come here."""
        from pydantic_core import PydanticCustomError

        version = version_of(info)
        if version is not None and version not in self:
            raise PydanticCustomError(OUTSIDE, "Additional properties are not allowed")
        return value


#: What no version changed.
ALWAYS = Versions()


def version_of(info: ValidationInfo) -> Microversion | None:
    """Return the version of the request that a body is read for, for validators that depend on it."""
    found: Microversion | None = (info.context or {}).get("version")
    return found


def versions_of_method(method: Any) -> Versions:
    """Return the versions that have a view's method."""
    found: Versions = getattr(method, "versions", ALWAYS)
    return found


@dataclass(frozen=True, slots=True)
class Change:
    """What a version changed; ``claimed`` by code that asks for it, and what is to be added to that."""

    text: str
    served: Literal["yes", "partly", "not yet", "always"] = "yes"
    note: str = ""

    @property
    def claimed(self) -> bool:
        """Tell whether code must say ``since`` or ``until`` for it; if not, none may."""
        return self.served in ("yes", "partly")


def partly(text: str, *, missing: str) -> Change:
    """Return a change of which something is not served yet."""
    return Change(text, "partly", missing)


def later(text: str, *, because: str) -> Change:
    """Return a change that is not served yet: clients may name the version, and miss this."""
    return Change(text, "not yet", because)


def always(text: str, *, because: str) -> Change:
    """Return a change that no code asks for, since it holds at every version here."""
    return Change(text, "always", because)


@dataclass(frozen=True, slots=True)
class VersionRange:
    """What a service speaks; ``legacy_header`` is compute's older request header."""

    service: str
    minimum: Microversion
    maximum: Microversion
    legacy_header: str | None = None


@dataclass(frozen=True, init=False)
class Microversions(VersionRange):
    """What a service speaks, with a sentence for each minor version, without a gap."""

    said: Mapping[int, str | Change] = field(kw_only=True)

    def __init__(
        self,
        service: str,
        *,
        major: int,
        said: Mapping[int, str | Change],
        legacy_header: str | None = None,
    ) -> None:
        minors = list(said)
        if minors != list(range(minors[0], minors[0] + len(minors))):
            raise ValueError(f"The versions of {service} are not listed one by one.")
        ends = Microversion(major, minors[0]), Microversion(major, minors[-1])
        VersionRange.__init__(self, service, *ends, legacy_header)
        object.__setattr__(self, "said", said)

    def since(self, minor: int) -> Versions:
        """Return the versions from this one on; raise ValueError for one that is not listed."""
        return Versions(first=self._listed(minor))

    def until(self, minor: int) -> Versions:
        """Return the versions up to this one; the next must be listed, for it made the change."""
        self._listed(minor + 1)
        return Versions(last=self._listed(minor))

    def changes(self) -> Iterator[tuple[Microversion, Change]]:
        """Yield every version and what it changed, from the oldest to the newest."""
        for minor, said in self.said.items():
            change = said if isinstance(said, Change) else Change(said)
            yield Microversion(self.minimum.major, minor), change

    def _listed(self, minor: int) -> Microversion:
        if minor not in self.said:
            version = f"{self.minimum.major}.{minor}"
            raise ValueError(f"The list of {self.service} has no version {version}.")
        return Microversion(self.minimum.major, minor)
