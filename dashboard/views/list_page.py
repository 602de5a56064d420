"""The base of every list: search, choices, order, pages by key, actions on one row or many.

The address says all of it, so that it can be shared and gone back to. Nothing here needs a script;
with one, rows are found while one types, and what changes is shown without a reload.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.cache import patch_vary_headers

from cloudweb.bulk import each
from cloudweb.context import RequestContext
from cloudweb.exceptions import BadRequest, InvalidInput, NotFound
from cloudweb.listing import Page as Rows
from cloudweb.listing import SortKey
from dashboard.components.lists import (
    Action,
    Answer,
    Asked,
    Choice,
    Column,
    Empty,
    Field,
    Head,
    Line,
    Link,
    Offer,
    Option,
    Tool,
)
from dashboard.components.words import spoken
from dashboard.views.box import Boxed
from dashboard.views.page import is_htmx, toasts

#: At most so many rows are acted on at once, and named in a sentence.
MOST, NAMED = 100, 5
LONGEST = 255


class BadSearch(BadRequest):
    """What was typed to find rows cannot be read; ``problems`` are sentences for whoever typed it."""

    def __init__(self, *problems: str) -> None:
        self.problems = problems
        super().__init__(" ".join(problems))


class ListPage(Boxed):
    """A list of one noun; a subclass declares it, and asks the manager in ``find``.

    ``nouns`` are its words for one and for many; ``order`` is the usual one, ``-`` for descending;
    ``pace`` is how often its rows are looked at in seconds: while something is under way, and else.
    """

    route: ClassVar[str]
    title: ClassVar[str]
    about: ClassVar[str] = ""
    nouns: ClassVar[tuple[str, str]]
    columns: ClassVar[Sequence[Column]]
    order: ClassVar[str]
    empty: ClassVar[Empty]
    search: ClassVar[Sequence[Field]] = ()
    choices: ClassVar[Sequence[Choice]] = ()
    actions: ClassVar[Sequence[Action]] = ()
    tools: ClassVar[Sequence[Tool]] = ()
    pace: ClassVar[tuple[int, int] | None] = None
    limit: ClassVar[int] = 25
    template: ClassVar[str] = "dashboard/list.html"
    rows_template: ClassVar[str] = "dashboard/list_rows.html"

    # -- what a subclass says

    def find(self, asked: Asked) -> Rows[Any]:
        """Return a page of rows from the manager, in this order; raise BadSearch."""
        raise NotImplementedError

    def rows(self, found: Sequence[Any]) -> Sequence[Any]:
        """Return the rows with what the cells show besides; the same number of queries for all."""
        return found

    def key_of(self, row: Any) -> str:
        """Return what actions and the next page know a row by."""
        return str(row.id)

    def name_of(self, row: Any) -> str:
        """Return how people call it."""
        return str(row.name)

    def every_action(self) -> Sequence[Action]:
        """Return what can be done with rows, whoever may."""
        return self.actions

    def nothing(self) -> Empty:
        """Return what is said where there is nothing."""
        return self.empty

    def names_of(self, keys: Sequence[str]) -> Mapping[str, str]:
        """Return the names behind keys, as far as they are known, for what is said of them."""
        return {}

    def is_busy(self, row: Any) -> bool:
        """Tell whether something is under way, so that the list is looked at more often."""
        return False

    def offers_of(self, row: Any) -> Sequence[Offer]:
        """Return what may be done with a row; no button is shown where there is nothing."""
        return [Offer(action) for action in self.offered()]

    def links_of(self, row: Any) -> Sequence[Link]:
        """Return where a row leads besides its own page."""
        return ()

    def landing(self, action: Action, keys: Sequence[str]) -> str:
        """Return where one is after an action: on the same page of the list."""
        return self.address()

    def home(self) -> str:
        """Return the address of the list, as nobody asked anything of it yet."""
        return reverse(self.route)

    # -- showing

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show a page of it; its rows alone for a page that shows it already."""
        answer = self.part() if is_htmx(request) else self.show()
        patch_vary_headers(answer, ["HX-Request"])
        return answer

    def part(self) -> HttpResponse:
        """Show the rows alone."""
        return self.fragment(self.rows_template, **self.facts())

    def show(self, *, status: int = 200, **more: Any) -> HttpResponse:
        """Show the whole page; what could not be understood is said, and the rest shown."""
        facts = self.facts(**more)
        wrong = 422 if facts["answer"].problems else 200
        return self.render(self.template, status=max(status, wrong), **facts)

    def facts(self, **more: Any) -> dict[str, Any]:
        """Return what the templates show."""
        asked, answer = self.asked(), self.answer()
        busy = any(self.is_busy(line.row) for line in answer.lines)
        return {
            "list": self,
            "empty": self.nothing(),
            "answer": answer,
            "lines": answer.lines,
            "acts": any(line.offers or line.links for line in answer.lines),
            "heads": self.heads(asked),
            "narrowing": self.narrowing(asked),
            "is_narrow": any(one.narrows for one in self.choices),
            "fields": [(one, self.request.GET.get(one.name, "")) for one in self.search],
            "is_live": all(one.live for one in self.search),
            "hidden": asked.chosen,
            "orders": self.orders(),
            "bulk": self.bulk() if any(line.offers for line in answer.lines) else (),
            "buttons": self.offered_tools(),
            "narrowed": bool(asked.words or asked.chosen),
            "paged": bool(self._marker("after") or self._marker("before")),
            "whole": self.home(),
            "first": self.address(after="", before=""),
            "here": self.address(),
            "earlier": answer.before and self.address(before=answer.before, after=""),
            "later": answer.after and self.address(after=answer.after, before=""),
            "every": self.pace and self.pace[0 if busy else 1],
            "said": self.about.format(project=self.context.project_name),
            **more,
        }

    def asked(self) -> Asked:
        """Read the address; raise InvalidInput for an order or a choice that there is not."""
        given = self.request.GET
        words = {
            one.name: text
            for one in self.search
            if (text := given.get(one.name, "").replace("\x00", "").strip()[:LONGEST])
        }
        chosen = {one.name: word for one in self.choices if (word := given.get(one.name, ""))}
        for one in self.choices:
            if chosen.get(one.name, "") not in ("", *one.options):
                raise InvalidInput(field=one.name, value=chosen[one.name][:64], reason="No choice.")
        word = given.get("sort", "") or self.order
        falling, key = word.startswith("-"), word.removeprefix("-")
        if key not in {self.order.removeprefix("-"), *(one.sort for one in self.columns)} - {""}:
            raise InvalidInput(field="sort", value=word[:64], reason="It cannot be sorted by.")
        return Asked(words, chosen, (SortKey(key, falling),), self._marker("after"), self.limit)

    def answer(self) -> Answer:
        """Find the rows that the address asks for."""
        try:
            return self._found()
        except BadSearch as error:
            return Answer((), problems=error.problems)

    def _found(self) -> Answer:
        asked, before = self.asked(), self._marker("before")
        if before:
            page = self.find(asked.backwards(before))
            if page.more:
                return self._answer([*reversed(page.rows)], before=True, after=True)
            asked = Asked(asked.words, asked.chosen, asked.order, limit=self.limit)
        page = self.find(asked)  # the beginning is shown as a whole
        return self._answer(page.rows, before=bool(asked.marker), after=page.more)

    def _answer(self, found: Sequence[Any], *, before: bool, after: bool) -> Answer:
        lines = self.lines(found)
        if not lines:
            return Answer(lines)
        return Answer(lines, lines[0].key if before else "", lines[-1].key if after else "")

    def lines(self, found: Sequence[Any]) -> Sequence[Line]:
        """Return the rows as the table shows them."""
        return [
            Line(self.key_of(row), self.name_of(row), row, self.offers_of(row), self.links_of(row))
            for row in self.rows(found)
        ]

    @classmethod
    def excerpt(cls, context: RequestContext, found: Sequence[Any]) -> dict[str, Any]:
        """Return what components/list_table.html shows of these rows on another page."""
        page = cls()
        page.context = context
        lines = page.lines(found)
        heads = [Head(one, "", "") for one in cls.columns if not one.policy or page.may(one.policy)]
        acts = any(line.offers or line.links for line in lines)
        return {"list": page, "lines": lines, "heads": heads, "acts": acts}

    def offered_tools(self) -> Sequence[Tool]:
        """Return the buttons beside the title."""
        return [tool for tool in self.tools if not tool.policy or self.may(tool.policy)]

    # -- the address

    def address(self, **changes: str) -> str:
        """Return where this list is, as it is asked for but for the changes; "" leaves one out."""
        kept = {
            name: self.request.GET.get(name, "")
            for name in (*self._words(), "sort", "after", "before")
        }
        query = urlencode({name: word for name, word in {**kept, **changes}.items() if word})
        return f"{self.home()}{'?' if query else ''}{query}"

    def _words(self) -> Iterator[str]:
        yield from (field.name for field in self.search)
        yield from (choice.name for choice in self.choices)

    def _marker(self, name: str) -> str | None:
        return self.request.GET.get(name, "").replace("\x00", "")[:LONGEST] or None

    def heads(self, asked: Asked) -> Sequence[Head]:
        """Return the columns that this user is shown, each with where pressing its head leads."""
        now = asked.order[0]
        found = []
        for column in self.columns:
            if column.policy and not self.may(column.policy):
                continue
            is_lit = bool(column.sort) and column.sort == now.key
            falling = not now.descending if is_lit else column.falling
            lit = ("descending" if now.descending else "ascending") if is_lit else ""
            url = self._sorted(column.sort, falling) if column.sort else ""
            found.append(Head(column, url, lit))
        return found

    def _sorted(self, key: str, falling: bool) -> str:
        word = f"{'-' if falling else ''}{key}"
        return self.address(sort="" if word == self.order else word, after="", before="")

    def orders(self) -> Sequence[Option]:
        """Return every order, for screens that have no room for the heads of columns."""
        now = self.request.GET.get("sort", "") or self.order
        found = []
        for one in self.columns:
            ways = (one.falling, not one.falling) if one.sort else ()
            for falling in ways:
                word = f"{'-' if falling else ''}{one.sort}"
                address = "" if word == self.order else word
                found.append(Option(_in_order(one, falling), address, word == now))
        return found

    def narrowing(self, asked: Asked) -> Sequence[tuple[Choice, Sequence[Option]]]:
        """Return each choice with its words and where they lead."""
        return [
            (
                one,
                [
                    Option(
                        text,
                        self.address(**{one.name: word, "after": "", "before": ""}),
                        asked.chosen.get(one.name, "") == word,
                    )
                    for word, text in one.options.items()
                ],
            )
            for one in self.choices
        ]

    # -- acting

    def offered(self) -> Sequence[Action]:
        """Return what this user's role lets him do with rows."""
        return [action for action in self.every_action() if self.may(action.policy)]

    def bulk(self) -> Sequence[Action]:
        """Return what he may do with many at once."""
        return [action for action in self.offered() if action.in_bulk]

    def post(self, request: HttpRequest) -> HttpResponse:
        """Do what a row's button says (``one``), or an action with all that are chosen."""
        name, _, only = request.POST.get("one", "").partition(" ")
        name = name or request.POST.get("action", "")
        action = next((known for known in self.every_action() if known.name == name), None)
        if action is None:
            raise NotFound
        sent = [only] if only else request.POST.getlist("chosen")
        keys = [*dict.fromkeys(key.replace("\x00", "") for key in sent)]
        if not keys:
            raise BadRequest(f"Choose at least one of the {self.nouns[1]} first.")
        if len(keys) > MOST:
            raise BadRequest(f"At most {MOST} {self.nouns[1]} are acted on at once.")
        known = self.names_of(keys)
        names = {key: known.get(key, key) for key in keys}
        if action.warning and not is_htmx(request) and "agreed" not in request.POST:
            return self._ask(action, names)
        return self._act(action, names)

    def _ask(self, action: Action, names: Mapping[str, str]) -> HttpResponse:
        """Ask first, where no script did."""
        whom = self.called(names, names)
        return self.render(
            "dashboard/sure.html", action=action, names=names, whom=whom, back=self.address()
        )

    def _act(self, action: Action, names: Mapping[str, str]) -> HttpResponse:
        outcome = each(names, lambda key: action.effect(self.context, key))
        if len(names) == 1 and outcome.refused:
            raise outcome.refused[0][1]
        told = []
        if outcome.done:
            whom = self.called(outcome.done, names)
            told.append(("success", action.said(whom, len(outcome.done))))
        reasons = outcome.by_reason(spoken)
        for reason, keys in [*reasons.items()][:NAMED]:
            told.append(("danger", f"{self.called(keys, names, named=True)}: {reason}"))
        if more := sum(map(len, [*reasons.values()][NAMED:])):
            told.append(("danger", f"{more} more were refused for other reasons."))
        there = self.landing(action, outcome.done)
        if is_htmx(self.request) and there == self.address():
            return toasts(told, status=204 if outcome.done else outcome.refused[0][1].status)
        return self.leave(told, there)

    def called(
        self,
        keys: Sequence[str] | Mapping[str, str],
        names: Mapping[str, str],
        *,
        named: bool = False,
    ) -> str:
        """Name one, count several; ``named``: the first of several by their names."""
        found = [names[key] for key in keys]
        if len(found) == 1:
            return found[0]
        if not named:
            return f"{len(found)} {self.nouns[1]}"
        more = f" and {len(found) - NAMED} more" if len(found) > NAMED else ""
        return ", ".join(found[:NAMED]) + more


def _in_order(column: Column, falling: bool) -> str:
    if column.falling:
        return f"{column.text}, {'newest' if falling else 'oldest'} first"
    return f"{column.text}, {'Z to A' if falling else 'A to Z'}"
