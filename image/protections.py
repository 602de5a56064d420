"""Protected properties: an operator's file says which roles create, read, update and delete them.

``IMAGE_PROPERTY_PROTECTIONS`` names a TOML file. Each table ``[[property]]`` has a ``pattern`` (a
regular expression of RE2 for whole names) and a list of roles for each action; ``*`` is everybody, an
action that is left out is nobody's. The first pattern that fits counts; other properties are free.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, get_args

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from cloudweb.context import RequestContext
from cloudweb.exceptions import InvalidInput
from cloudweb.patterns import expression
from image.exceptions import AttributeForbidden

Action = Literal["create", "read", "update", "delete"]
ACTIONS: tuple[Action, ...] = get_args(Action)
EVERYBODY = "*"


@dataclass(frozen=True, slots=True)
class Protection:
    """Who may do what with the properties whose names fit."""

    pattern: Any  # an expression of cloudweb.patterns
    roles: Mapping[Action, frozenset[str]]


def protections() -> tuple[Protection, ...]:
    """Return the protections in force; raise ImproperlyConfigured for a file that makes no sense."""
    path = str(settings.IMAGE_PROPERTY_PROTECTIONS or "")
    return _read(path) if path else ()


def may(context: RequestContext, action: Action, name: str) -> bool:
    """Tell whether the caller may do this with properties of this name."""
    if context.is_system:
        return True
    for protection in protections():
        if protection.pattern.fullmatch(name):
            roles = protection.roles[action]
            return EVERYBODY in roles or bool(roles & context.roles)
    return True


def check(context: RequestContext, action: Action, names: Iterable[str]) -> None:
    """Raise AttributeForbidden for the first property the caller may not do this with."""
    for name in names:
        if not may(context, action, name):
            raise AttributeForbidden(f"Property '{name}' is protected.")


def check_change(
    context: RequestContext, before: Mapping[str, str], after: Mapping[str, str]
) -> None:
    """Raise AttributeForbidden unless the caller may make these of those properties."""
    check(context, "delete", [name for name in before if name not in after])
    check(context, "create", [name for name in after if name not in before])
    changed = [name for name, text in after.items() if before.get(name, text) != text]
    check(context, "update", changed)


def hidden(context: RequestContext, names: Iterable[str]) -> frozenset[str]:
    """Return those of the names that the caller may not read."""
    return frozenset(name for name in names if not may(context, "read", name))


@lru_cache(maxsize=1)
def _read(path: str) -> tuple[Protection, ...]:
    try:
        return _protections(tomllib.loads(Path(path).read_text()))
    except InvalidInput as error:
        reason = f"IMAGE_PROPERTY_PROTECTIONS, {path}: {error.value!r}: {error.reason}"
        raise ImproperlyConfigured(reason) from error
    except (OSError, ValueError, TypeError) as error:
        raise ImproperlyConfigured(f"IMAGE_PROPERTY_PROTECTIONS, {path}: {error}.") from error


def _protections(content: Mapping[str, Any]) -> tuple[Protection, ...]:
    if set(content) - {"property"}:
        raise ValueError("it may hold tables [[property]] alone")
    return tuple(_protection(table) for table in content.get("property", ()))


def _protection(table: Mapping[str, Any]) -> Protection:
    unknown = set(table) - {"pattern", *ACTIONS}
    if unknown or not isinstance(table.get("pattern"), str):
        raise ValueError(f"a table has a pattern and {', '.join(ACTIONS)}, nothing else")
    for action in ACTIONS:
        roles = table.get(action, [])
        if not isinstance(roles, list) or not all(isinstance(role, str) for role in roles):
            raise TypeError(f"{action} must be a list of roles")
    return Protection(
        pattern=expression(table["pattern"], field="pattern"),
        roles={action: frozenset(table.get(action, ())) for action in ACTIONS},
    )
