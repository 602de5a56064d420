"""What a list page is declared by, and what its template shows of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from cloudweb.context import RequestContext
from cloudweb.listing import SortKey


@dataclass(frozen=True, slots=True)
class Column:
    """One fact of every row: ``cell`` draws it (``dashboard.components.cells``) or names its template.

    ``sort`` is the manager's word for what one may sort by; ``falling`` begins with the largest.
    ``unlabelled``: on a phone the cell speaks for itself.
    """

    text: str
    cell: Callable[[Any], str] | str
    sort: str = ""
    falling: bool = False
    css: str = ""
    unlabelled: bool = False
    policy: str = ""


@dataclass(frozen=True, slots=True)
class Field:
    """What is typed to find rows; ``live`` fields find while one types."""

    name: str
    text: str
    kind: str = "search"
    css: str = ""
    live: bool = False


@dataclass(frozen=True, slots=True)
class Choice:
    """What a list is narrowed by: the words of the address and how they read.

    "" is what is shown unasked: all, or with ``narrows`` a part that may be empty while others are not.
    """

    name: str
    text: str
    options: Mapping[str, str]
    narrows: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """What is done to one row by its button, or to all that are chosen.

    ``effect`` calls the manager with a row's key. ``done`` is said afterwards ("{} is starting.", or
    "{} was deleted."). ``warning`` is asked first, ``warning_all`` for several; ``mild``: nothing is lost.
    """

    name: str
    text: str
    icon: str
    policy: str
    effect: Callable[[RequestContext, str], object]
    done: str
    warning: str = ""
    warning_all: str = ""
    mild: bool = False
    harm: bool = False
    in_bulk: bool = True

    def said(self, whom: str, number: int) -> str:
        """Return what is said once it was done to so many."""
        many = self.done.replace("{} is ", "{} are ").replace("{} was ", "{} were ")
        return (self.done if number == 1 else many).format(whom)


@dataclass(frozen=True, slots=True)
class Offer:
    """An action as one row has it; not enabled where its state forbids it now.

    ``url`` leads to a page that asks what it needs besides.
    """

    action: Action
    enabled: bool = True
    url: str = ""


class Tool(NamedTuple):
    """A button beside the title: the name of the route it leads to, or of a box on the page, too.

    ``url`` is where it leads in a list about one thing. ``posts``: pressing it does it.
    """

    text: str
    route: str
    icon: str = "plus"
    policy: str = ""
    box: str = ""
    main: bool = True
    url: str = ""
    posts: bool = False


class Link(NamedTuple):
    """A way on from a row: ``text`` is for those who do not see the icon."""

    text: str
    url: str
    icon: str


@dataclass(frozen=True, slots=True)
class Empty:
    """What is said where there is nothing: yet, for one who may not change that, and not like that."""

    icon: str
    title: str
    text: str
    reader: str = ""
    not_found: str = "Nothing is like that"
    try_else: str = "Try fewer words, or another choice."


@dataclass(frozen=True, slots=True)
class Asked:
    """What the address of a list asks for: words by field, choices by name, order, and where to go on."""

    words: Mapping[str, str]
    chosen: Mapping[str, str]
    order: tuple[SortKey, ...] = ()
    marker: str | None = None
    limit: int = 25

    @property
    def q(self) -> str | None:
        """Return what is looked for, in a list with one field."""
        return self.words.get("q")

    def columns(self, *, last: str) -> Sequence[str]:
        """Return the order as columns, ``-`` for descending; ``last`` makes it unique."""
        keys = dict(self.order)
        keys.setdefault(last, self.order[0].descending)
        return [f"{'-' if falling else ''}{name}" for name, falling in keys.items()]

    def backwards(self, before: str) -> Asked:
        """Return what asks for the rows that come before one, the nearest first."""
        order = tuple(SortKey(name, not falling) for name, falling in self.order)
        return replace(self, order=order, marker=before)


class Head(NamedTuple):
    """The head of a column: where pressing it leads, and how the list is sorted by it."""

    column: Column
    url: str
    sorted: str


class Option(NamedTuple):
    """One word to choose, and where that leads."""

    text: str
    url: str
    current: bool


@dataclass(frozen=True, slots=True)
class Line:
    """A row with its key and name, what may be done with it, and where it leads."""

    key: str
    name: str
    row: Any
    offers: Sequence[Offer] = ()
    links: Sequence[Link] = ()


class Answer(NamedTuple):
    """What the rows of a list page show."""

    lines: Sequence[Line]
    before: str = ""
    after: str = ""
    problems: Sequence[str] = ()
