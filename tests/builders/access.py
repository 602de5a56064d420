"""One declaration of a route gives its access test: who passes, and what everybody else gets.

A module declares its world (one of each thing, built once and shared; every call is rolled back) and
its lines. ``access_test`` makes the test of all lines by all callers; what leaves an audit record is
tested along. A line that could hold without the route doing its work is refused when it is declared.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import pytest
from django.db import transaction

from audit.models import Outcome, Record
from identity.models import User
from identity.scopes import SYSTEM, Place
from tests.builders.identity import (
    ApiClient,
    client_at,
    client_of,
    client_with,
    make_domain,
    make_member,
    make_project,
    make_user,
)

#: ``owner`` is the member whose things they are; ``other`` a member of another project. The roles
#: are on the owner's project, those of the system and of a domain on these alone.
CALLERS = (
    "anonymous", "other", "reader", "member", "owner", "manager", "service", "admin",
    "domain_admin", "system_reader", "system_admin",
)  # fmt: skip
#: Further callers, whom identity alone tells apart; ``other_domain`` is the admin of another domain.
DOMAIN_CALLERS = ("domain_reader", "domain_manager", "other_domain")
ANONYMOUS = frozenset({"anonymous"})
OPERATORS = frozenset({"admin", "system_admin"})
READERS_OF_ALL = OPERATORS | {"system_reader"}
#: Who may change what is the project's, and who may see it.
PROJECT_MEMBERS = OPERATORS | {"member", "owner", "manager"}
PROJECT_READERS = PROJECT_MEMBERS | {"reader"}
EVERYBODY = frozenset(CALLERS + DOMAIN_CALLERS)
EVERY_TOKEN = EVERYBODY - ANONYMOUS
#: Whoever has a project that is not the thing's, or none at all.
STRANGERS = frozenset({"other", "domain_admin", "system_reader"})
READS = frozenset({"GET", "HEAD"})


@dataclass(frozen=True)
class Line:
    """One method of one route.

    ``passes`` get ``status``; every other caller gets what ``others`` says of him, ``refusal`` where
    it says nothing, and without a token 401. ``path`` and the texts of ``body`` hold words in braces,
    which the world fills in. ``unfinished`` says why even those who pass get an error here, and which
    test shows the success. ``no_record`` says why a write leaves no audit record; ``writes``: even a GET is one.
    """

    method: str
    path: str
    passes: Collection[str]
    status: int = 200
    others: Mapping[str, int] = field(default_factory=dict)
    refusal: int = 403
    body: Any = None
    kind: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    unfinished: str = ""
    no_record: str = ""
    writes: bool = False

    def __post_init__(self) -> None:
        passes, others = set(self.passes), self.others
        said = f"{self.method} {self.path}"
        if unknown := (passes | others.keys()) - EVERYBODY:
            raise ValueError(f"{said}: no such callers: {sorted(unknown)}")
        if not passes:
            raise ValueError(f"{said}: a line that nobody passes proves nothing")
        if both := passes & others.keys():
            raise ValueError(f"{said}: two answers for {sorted(both)}")
        if (self.status >= 400) != bool(self.unfinished):
            raise ValueError(f"{said}: who passes gets a success, or the line says why not")
        if passes != EVERYBODY and self.status in {self.refusal, *others.values()}:
            raise ValueError(f"{said}: who passes and who does not must get different answers")
        if "anonymous" in others:
            raise ValueError(f"{said}: without a token it is always 401")
        spare = [who for who, status in others.items() if status == self.refusal]
        if spare:
            raise ValueError(f"{said}: {spare} get the refusal anyway")

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    def expected(self, caller: str) -> int:
        """Return the one status this caller gets."""
        if caller in self.passes:
            return self.status
        if caller == "anonymous":
            return 401
        return self.others.get(caller, self.refusal)


@dataclass
class World:
    """What is there, by the words of the paths; ``clients`` holds everybody who calls."""

    owner: User
    ids: dict[str, Any]
    clients: dict[str, ApiClient] = field(default_factory=dict)

    def send(self, line: Line, caller: str) -> Any:
        """Send a line's request as this caller."""
        client = self.clients[caller]
        ids = self.ids | {"own_token": client.defaults.get("HTTP_X_AUTH_TOKEN", "")}
        body = _filled(line.body, ids)
        data = b"" if body is None else body if isinstance(body, bytes) else orjson.dumps(body)
        return client.generic(
            line.method,
            _filled(line.path, ids),
            data,
            content_type=line.kind if data else "",
            headers={name: _filled(value, ids) for name, value in line.headers.items()},
        )


def _filled(value: Any, ids: Mapping[str, Any]) -> Any:
    """Put the world's ids where a text has their words; a text that is one word may be anything."""
    if isinstance(value, str):
        if whole := re.fullmatch(r"{([\w-]+)}", value):
            return ids[whole[1]]
        return re.sub(r"{([\w-]+)}", lambda found: str(ids[found[1]]), value)
    if isinstance(value, Mapping):
        return {key: _filled(one, ids) for key, one in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, bytes):
        return [_filled(one, ids) for one in value]
    return value


def clients_around(owner: User) -> dict[str, ApiClient]:
    """Return a client for each kind of caller, seen from this member of a project."""
    project = owner.default_project
    here, elsewhere = make_domain(), make_domain(id="elsewhere", name="elsewhere")
    stranger = make_user(domain=elsewhere)
    found = {
        "anonymous": ApiClient(),
        "other": client_of(make_member("member")),
        "owner": client_of(owner),
        "domain_admin": client_at(Place(domain=here), "admin"),
        "domain_manager": client_at(Place(domain=here), "manager"),
        "domain_reader": client_at(Place(domain=here), "reader"),
        "other_domain": client_at(Place(domain=elsewhere), "admin", stranger),
        "system_reader": client_at(SYSTEM, "reader"),
        "system_admin": client_at(SYSTEM, "admin"),
    }
    for role in ("reader", "member", "manager", "service", "admin"):
        found[role] = client_with(role, project=project)
    assert set(found) == EVERYBODY
    return found


def shared_world(build: Callable[[User], Mapping[str, Any]]) -> Any:
    """Return the fixture ``world``: ``build`` gets the owner and returns ids, once for a module."""

    @pytest.fixture(scope="module")
    def world(
        django_db_setup: None, django_db_blocker: Any, tmp_path_factory: Any
    ) -> Iterator[World]:
        with (
            django_db_blocker.unblock(),
            standing(build, tmp_path_factory.mktemp("access")) as made,
        ):
            yield made

    return world


@contextmanager
def standing(build: Callable[[User], Mapping[str, Any]], directory: Path) -> Iterator[World]:
    """Run a block in the world that ``build`` makes, and take it all back."""
    from django.conf import settings

    before = settings.IMAGE_STORE, settings.IMAGE_STAGING
    settings.IMAGE_STORE, settings.IMAGE_STAGING = directory / "images", directory / "staging"
    with transaction.atomic():
        owner = make_member("member", project=make_project())
        made = World(owner, {"project_id": owner.default_project_id, "owner_id": owner.pk})
        made.ids |= build(owner)
        made.clients = clients_around(owner)
        yield made
        transaction.set_rollback(True)
    settings.IMAGE_STORE, settings.IMAGE_STAGING = before


def access_test(
    lines: Sequence[Line],
    check: Callable[[Any], None] | None = None,
    *,
    callers: Sequence[str] = CALLERS,
) -> Any:
    """Return the test of every line by all callers; ``check`` looks at each answer's envelope, too.

    Its ``lines`` are what it tests, for the promise that every route is among them.
    """
    if idle := [str(line) for line in lines if not set(line.passes) & set(callers)]:
        raise ValueError(f"nobody who calls here passes: {idle}")

    @pytest.mark.django_db  # by this mark the suite knows that it needs the database
    @pytest.mark.parametrize("line", tuple(lines), ids=str)
    def test_access(line: Line, world: World, django_db_blocker: Any) -> None:
        with django_db_blocker.unblock():
            found = {caller: answered(world, line, caller, check) for caller in callers}
        assert_said(line, found)

    test_access.lines = tuple(lines)  # type: ignore[attr-defined]
    return test_access


def answered(
    world: World, line: Line, caller: str, check: Callable[[Any], None] | None
) -> int | str:
    """Return the status that a caller gets; what is wrong about the answer is said beside it."""
    with transaction.atomic():
        answer = world.send(line, caller)
        request_id = answer.headers["X-OpenStack-Request-Id"]
        outcomes = Record.objects.filter(request_id=request_id).values_list("outcome", flat=True)
        wrong = "" if answer.status_code == line.expected(caller) else _text(answer)
        wrong = wrong or wrong_record(line, answer.status_code, set(outcomes))
        if not wrong and check is not None:
            try:
                check(answer)
            except AssertionError as failed:
                wrong = str(failed) or repr(failed)
        transaction.set_rollback(True)
    return f"{answer.status_code}: {wrong}" if wrong else answer.status_code


def _text(answer: Any) -> str:
    return "a stream" if answer.streaming else answer.content.decode(errors="replace")[:500]


def wrong_record(line: Line, status: int, outcomes: Collection[str]) -> str:
    """Say what is wrong about the audit records of one answer, if anything is."""
    succeeded = Outcome.SUCCESS in outcomes
    if line.unfinished and status == line.status:
        return "what is not finished is no success" if succeeded else ""
    reads = line.method in READS and not line.writes
    if reads or line.no_record or status == 401:
        return "a call that changes nothing leaves no record" if outcomes else ""
    if status < 400:
        return "" if succeeded else "a change leaves a record"
    return "a refusal is no success" if succeeded else ""


def assert_said(line: Line, found: Mapping[str, int | str]) -> None:
    """Hold what every caller got to what the line says, and show it all where they differ."""
    expected = {caller: line.expected(caller) for caller in found}
    differing = "".join(
        f"\n  {caller}: {said}, not {expected[caller]}"
        for caller, said in found.items()
        if said != expected[caller]
    )
    assert not differing, f"{line}{differing}\n  of all: {dict(found)}\n  wanted: {expected}"
