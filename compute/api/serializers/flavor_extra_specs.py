"""Extra specs on the wire."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pydantic import RootModel

from cloudweb.exceptions import BadRequest, InvalidInput
from compute.extra_specs import refused

_KEY = re.compile(r"[a-zA-Z0-9\-_:. ]{1,255}\Z")


class ExtraSpec(RootModel[dict[str, str]]):
    """One key with its value, without an envelope."""


def parse_specs(data: Mapping[str, Any], *, sense: bool) -> dict[str, str]:
    """Return keys and values; a number becomes text. Raises InvalidInput.

    ``sense``: what is known must make sense; raises BadRequest where it does not.
    """
    found = {_key(key): _value(key, value) for key, value in data.items()}
    wrong = (refused(key, value) for key, value in found.items()) if sense else ()
    for why in filter(None, wrong):
        raise BadRequest(f"Validation failed; {why}")
    return found


def _key(key: str) -> str:
    if not _KEY.match(key):
        raise InvalidInput(
            field="extra_specs",
            value=key,
            reason="A key has 1 to 255 letters, digits, spaces and any of - _ : .",
        )
    return key


def _value(key: str, value: Any) -> str:
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or len(value) > 255 or not value.isprintable():
        raise InvalidInput(
            field=key, value=value, reason="A value is a number or a printable text of up to 255."
        )
    return value
