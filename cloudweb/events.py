"""News from below goes up: an app emits, an app above subscribes; nobody imports upwards.

Handlers run in the caller's transaction, so what they write commits or rolls back with the news.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any, TypeVar

Handler = Callable[..., None]
H = TypeVar("H", bound=Handler)

_handlers: defaultdict[str, list[Handler]] = defaultdict(list)


def on(name: str) -> Callable[[H], H]:
    """Subscribe a function to an event, for example ``port.status_changed``."""

    def register(handler: H) -> H:
        if handler not in _handlers[name]:
            _handlers[name].append(handler)
        return handler

    return register


def emit(name: str, **facts: Any) -> None:
    """Tell every subscriber."""
    for handler in _handlers[name]:
        handler(**facts)
