"""Field types that request bodies share."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
)

from cloudweb.addresses import canonical_address, canonical_prefix
from cloudweb.api.versioned import describe
from cloudweb.exceptions import InvalidInput
from cloudweb.names import no_control_characters, not_blank


class Body(BaseModel):
    """A request body: unknown keys are refused, types are not guessed.

    ``UNUSED`` attributes belong to parts of the API that are not here: clients may say them, with
    the one value that is true.
    """

    UNUSED: ClassVar[frozenset[str]] = frozenset()
    model_config = ConfigDict(
        extra="forbid", frozen=True, populate_by_name=True, json_schema_extra=describe
    )

    def said(self) -> dict[str, Any]:
        """Return what the client said, by the names that managers use."""
        declared = self.model_fields_set & type(self).model_fields.keys()
        return {name: getattr(self, name) for name in declared - self.UNUSED}


def loose_bool(value: Any) -> Any:
    """Read a boolean in every spelling OpenStack clients use."""
    if isinstance(value, str):
        word = value.strip().lower()
        if word in ("true", "t", "on", "yes", "y", "1"):
            return True
        if word in ("false", "f", "off", "no", "n", "0"):
            return False
    if isinstance(value, int) and not isinstance(value, bool) and value in (0, 1):
        return bool(value)
    return value


def loose_int(value: Any) -> Any:
    """Read an integer, also one written as a string of digits; a boolean is none."""
    if isinstance(value, bool):
        raise ValueError("It must be an integer")  # noqa: TRY004 - what pydantic reports
    if isinstance(value, str):
        digits = value.removeprefix("-")
        if not (digits.isascii() and digits.isdigit() and len(digits) < 19):
            raise ValueError("It must be an integer")
        return int(value)
    return value


Text = Annotated[str, StringConstraints(max_length=255), AfterValidator(no_control_characters)]
IpAddress = Annotated[str, StringConstraints(max_length=64), AfterValidator(canonical_address)]
#: An address, or one with the length of its network.
IpPrefix = Annotated[str, StringConstraints(max_length=64), AfterValidator(canonical_prefix)]
Name = Annotated[
    str,
    StringConstraints(min_length=1, max_length=255),
    AfterValidator(no_control_characters),
    AfterValidator(not_blank),
]
LooseBool = Annotated[bool, BeforeValidator(loose_bool)]
#: A 32-bit integer from 0, or from 1, as databases and clients of other languages can hold it.
MAX_INT = 0x7FFFFFFF
NaturalNumber = Annotated[int, Field(ge=0, le=MAX_INT), BeforeValidator(loose_int)]
PositiveNumber = Annotated[int, Field(ge=1, le=MAX_INT), BeforeValidator(loose_int)]


def parse_natural(value: str | None, *, field: str, default: int = 0) -> int:
    """Read a natural number of a query; raise InvalidInput for anything else."""
    if value is None:
        return default
    if not (value.isascii() and value.isdigit() and len(value) < 19):
        raise InvalidInput(field=field, value=value, reason="It must be a natural number.")
    return int(value)


def parse_bool(value: str | None, *, field: str, default: bool | None = None) -> bool | None:
    """Read a boolean of a query; None and "none" mean ``default``."""
    if value is None or value.lower() in ("none", ""):
        return default
    parsed = loose_bool(value)
    if not isinstance(parsed, bool):
        raise InvalidInput(field=field, value=value, reason="It must be a boolean.")
    return parsed
