"""The kinds of differences: each is declared by the app that can tell it, with what heals it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from operations.saga import Run, StepResult

if TYPE_CHECKING:
    from reconciliation.models import Difference


@dataclass(frozen=True, slots=True)
class Finding:
    """One difference, as it was seen: ``subject`` is the id of what it is about, ``sentence`` for operators.

    ``held`` is the id of the resource that nobody may be at work on while it is healed ("" for none);
    ``facts`` are what healing needs.
    """

    subject: str
    sentence: str
    held: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Kind:
    """What may differ. ``heal`` is a step of a saga (operations/saga.py); None: only a human can help.

    ``hold``: so long it is shown before it is healed by itself; None: only when an operator says so.
    ``is_true`` looks once more, in the transaction that heals. ``resource_type`` is of what is held meanwhile.
    """

    name: str
    title: str
    remedy: str
    is_true: Callable[[Difference], bool]
    heal: Callable[[Run, Difference], StepResult] | None = None
    hold: timedelta | None = timedelta(0)
    resource_type: str = ""


#: Finds differences among rows alone, by kind; every kind that it looks for is named, found or not.
RowLook = Callable[[], Mapping[str, Iterable[Finding]]]
_kinds: dict[str, Kind] = {}
_row_looks: list[RowLook] = []


def declare(*kinds: Kind) -> None:
    """Make kinds known; raise ValueError for a name that is another's."""
    for kind in kinds:
        if _kinds.setdefault(kind.name, kind) is not kind:
            raise ValueError(f"two kinds of differences are named {kind.name}")


def looks_at_rows(look: RowLook) -> RowLook:
    """Let a function be asked now and then what differs among rows, whatever hosts say."""
    if look not in _row_looks:
        _row_looks.append(look)
    return look


def row_looks() -> Sequence[RowLook]:
    """Return all that look at rows."""
    return _row_looks


def kinds() -> Mapping[str, Kind]:
    """Return all kinds by their names."""
    return _kinds
