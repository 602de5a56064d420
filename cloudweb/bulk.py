"""One thing done to many: a refusal stops it for that one alone, and is told."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from django.db import InterfaceError, OperationalError

from cloudweb.exceptions import CloudwebError
from cloudweb.refusals import normalize

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Outcome(Generic[T]):
    """To which it was done, and what was said of the others."""

    done: list[T] = field(default_factory=list)
    refused: list[tuple[T, CloudwebError]] = field(default_factory=list)

    def by_reason(self, say: Callable[[CloudwebError], str]) -> Mapping[str, Sequence[T]]:
        """Return the refused by what is said of them, in their order."""
        found: dict[str, list[T]] = {}
        for one, error in self.refused:
            found.setdefault(say(error), []).append(one)
        return found


def each(rows: Iterable[T], effect: Callable[[T], object]) -> Outcome[T]:
    """Do something to every row; once the database went away, to none of the rest."""
    outcome: Outcome[T] = Outcome()
    left = iter(rows)
    for row in left:
        try:
            effect(row)
        except CloudwebError as error:
            outcome.refused.append((row, error))
        except (OperationalError, InterfaceError) as raised:
            gone = normalize(raised)
            outcome.refused.extend((one, gone) for one in (row, *left))
        else:
            outcome.done.append(row)
    return outcome
