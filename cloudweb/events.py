"""News from below goes up: an app emits an event, an app above subscribes; nobody imports upwards.

An event is a class with typed fields, in the app that emits it. Inside an app nothing is emitted:
who means a function calls it. Handlers run in the caller's transaction, so what they write commits
or rolls back with the news.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar


class Event:
    """What happened; subclasses are frozen dataclasses."""

    __slots__ = ()


E = TypeVar("E", bound=Event)
Handler = Callable[[Any], None]
_handlers: defaultdict[type[Event], list[Handler]] = defaultdict(list)


def on(event: type[E]) -> Callable[[Callable[[E], None]], Callable[[E], None]]:
    """Subscribe a function to a class of events."""

    def register(handler: Callable[[E], None]) -> Callable[[E], None]:
        if handler not in _handlers[event]:
            _handlers[event].append(handler)
        return handler

    return register


def emit(event: Event) -> None:
    """Tell every subscriber; what one raises goes to whoever emitted."""
    for handler in _handlers[type(event)]:
        handler(event)


def subscribers() -> Mapping[type[Event], Sequence[Handler]]:
    """Return who hears of what."""
    return {event: tuple(handlers) for event, handlers in _handlers.items() if handlers}
