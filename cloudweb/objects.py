"""Versioned objects: the payloads that cross between control plane and hosts.

A subclass is frozen, carries ``VERSION`` ("major.minor") and its history. Rules (DESIGN section 5):
a newer minor is accepted and its unknown fields are kept; another major is refused; an object can
make itself readable for an older minor through ``DOWNGRADES``.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Annotated, Any, ClassVar, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    SerializerFunctionWrapHandler,
    ValidationError,
    model_serializer,
)

from cloudweb.exceptions import CloudwebError


class IncompatibleObject(CloudwebError):
    """A message holds an object of another major version, of another kind, or a broken one."""

    code = "incompatible_object"
    default_message = "Control plane and host speak versions that do not fit together."


def parse_version(text: str) -> tuple[int, int]:
    """Return ("1.2") as (1, 2); raise IncompatibleObject for anything else."""
    major, _, minor = text.partition(".")
    if not (major.isascii() and major.isdigit() and minor.isascii() and minor.isdigit()):
        raise IncompatibleObject(detail=f"not a version: {text!r}")
    return int(major), int(minor)


Data = dict[str, Any]
#: A field that holds another versioned object as it crosses; nothing else may be a dictionary of anything.
WireForm = Annotated[dict[str, Any], "the wire form of a versioned object"]


def unless_used(field: str, default: Any) -> Callable[[Data], Data]:
    """Return a downgrade for a new field that an older peer must not miss: refused unless it is as before."""

    def downgrade(data: Data) -> Data:
        if data.get(field, default) != default:
            raise IncompatibleObject(detail=f"{field} cannot be said in an older minor")
        return {key: value for key, value in data.items() if key != field}

    return downgrade


class Part(BaseModel):
    """A piece of a versioned object; it has no version of its own."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @model_serializer(mode="wrap")
    def _with_unknown_fields(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Pass on what a newer peer's minor added; a model that forbids extras would leave it out."""
        return {**serialize(self), **(self.model_extra or {})}


class VersionedObject(Part):
    """A payload with a version: frozen, fingerprinted, readable by an older or newer peer."""

    VERSION: ClassVar[str]
    #: minor version -> function that turns the dumped data of that minor into that of the one before
    DOWNGRADES: ClassVar[dict[int, Callable[[dict[str, Any]], dict[str, Any]]]] = {}

    #: Fields that must not stand in the database as they are.
    SECRETS: ClassVar[tuple[str, ...]] = ()

    REGISTRY: ClassVar[dict[str, type[VersionedObject]]] = {}

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        if "VERSION" in cls.__dict__:
            VersionedObject.REGISTRY[cls.__name__] = cls

    def dump(self, *, version: str | None = None) -> dict[str, Any]:
        """Return the wire form, made readable for an older minor if ``version`` names one."""
        data = self.model_dump(mode="json")
        major, minor = parse_version(self.VERSION)
        if version is not None:
            wanted_major, wanted = parse_version(version)
            if wanted_major != major:
                raise IncompatibleObject(
                    detail=f"{type(self).__name__} {self.VERSION} for a peer at {version}"
                )
            while minor > wanted:
                if minor not in self.DOWNGRADES:
                    raise IncompatibleObject(
                        detail=f"{type(self).__name__} {major}.{minor} cannot be said in an older minor"
                    )
                data = self.DOWNGRADES[minor](data)
                minor -= 1
        return {"object": type(self).__name__, "version": f"{major}.{minor}", "data": data}

    @classmethod
    def load(cls, wire: dict[str, Any]) -> Self:
        """Read the wire form; raise IncompatibleObject when it cannot be this object."""
        if not isinstance(wire, dict) or wire.get("object") != cls.__name__:
            raise IncompatibleObject(detail=f"expected a {cls.__name__}")
        major, minor = parse_version(str(wire.get("version")))
        own_major, own_minor = parse_version(cls.VERSION)
        if major != own_major:
            raise IncompatibleObject(
                detail=f"{cls.__name__} {wire['version']}; this side speaks {cls.VERSION}"
            )
        try:
            return cls.model_validate(
                wire.get("data"), extra="allow" if minor > own_minor else "forbid"
            )
        except ValidationError as error:
            raise IncompatibleObject(detail=f"broken {cls.__name__}: {error}") from error

    @classmethod
    def fingerprint(cls) -> str:
        """Return a digest of the shape; a test pins it to ``VERSION``."""
        schema = without_words(cls.model_json_schema())
        return hashlib.sha256(json.dumps(schema, sort_keys=True).encode()).hexdigest()[:16]


def without_words(schema: Any) -> Any:
    """Return a schema without what only readers need."""
    if isinstance(schema, dict):
        words = (
            ("description", "title")
            if isinstance(schema.get("title"), str) or "type" in schema
            else ()
        )
        return {key: without_words(value) for key, value in schema.items() if key not in words}
    if isinstance(schema, list):
        return [without_words(value) for value in schema]
    return schema
