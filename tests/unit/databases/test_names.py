"""What a guest would refuse is refused before it hears of it: a database that is made with it would fail."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from cloudweb.exceptions import BadRequest
from databases import names
from databases.guest.drivers import DRIVERS
from databases.guest.failures import Refused


@pytest.mark.parametrize("manager", DRIVERS)
def test_a_name_that_is_taken_here_is_taken_there(manager: str) -> None:
    guest = object.__new__(DRIVERS[manager])
    tried = (
        *guest.reserved_databases, *guest.reserved_users, "", " a", "a/b", "a\\b", "a\x7fb", "a\u200bb", "a\u00a0b",
        "x" * 60, "x" * 61, "x" * 64, "x" * 65, "x" * 80, "\u00e9" * 30, "\u00e9" * 31, "\u00e9" * 33,
        "shop", "Ärger-1",
    )  # fmt: skip
    taken = set()
    for name in tried:
        for here, there in (
            (names.check_database, guest.database_name),
            (names.check_user, guest.user_name),
        ):
            if _refuses(there, name):
                with pytest.raises(BadRequest):
                    here(manager, name)
            elif not _is_refused(here, manager, name):
                taken.add(name)
    assert {"x" * 60, "\u00e9" * 30, "shop", "Ärger-1"} <= taken


def test_no_user_is_called_as_a_database_s_role() -> None:
    for name in ("db:shop", "pg_monitor"):
        assert _is_refused(names.check_user, "postgresql", name)


def _refuses(there: Callable[[str], str], name: str) -> bool:
    try:
        there(name)
    except Refused:
        return True
    return False


def _is_refused(here: Callable[[str, str], None], manager: str, name: str) -> bool:
    try:
        here(manager, name)
    except BadRequest:
        return True
    return False
