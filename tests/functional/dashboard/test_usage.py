"""What a project's servers used in a month, on a page."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client

from instances.manager.usage import ORDER, UsageManager, Window, by_project
from tests.builders.browsers import PASSWORD, browser_of, text_of
from tests.builders.identity import make_context, make_member
from tests.builders.servers import make_server

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db(transaction=True)]
NOVEMBER = datetime(2026, 11, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def user() -> Any:
    return make_member("member", password=PASSWORD)


def ran(user: Any, name: str, begin: float, end: float | None, **more: Any) -> None:
    """Make a server that ran from an hour of November to another one."""
    facts = {"vcpus": 2, "ram": 1536, "disk": 10, "ephemeral": 1, "flavor_name": "m1"}
    ended = None if end is None else NOVEMBER + end * HOUR
    make_server(
        user,
        name=name,
        launched_at=NOVEMBER + begin * HOUR,
        terminated_at=ended,
        vm_state="active" if ended is None else "deleted",
        **{**facts, **more},
    )


def rows(browser: Client, query: str = "") -> dict[str, list[str]]:
    """Return the cells of the table by the name of the server."""
    page = browser.get(f"/usage{query}").content.decode()
    found = {}
    for row in re.findall(r"<tr id=.*?</tr>", page, re.S):
        cells = re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.S)
        name, *rest = [" ".join(re.sub(r"<[^>]+>", " ", cell).split()) for cell in cells]
        found[name] = rest
    return found


def test_sums_and_servers_are_those_of_the_month_gone_ones_too(user: Any) -> None:
    """Both as the API counts them; another project's are nobody's affair."""
    ran(user, "gone", -10, 5)
    ran(user, "there", 20, None, vcpus=1, ram=512, disk=0, ephemeral=0)
    ran(user, "before", -10, -5)
    ran(user, "later", 31 * 24, None)
    make_server(user, name="never", launched_at=None)
    ran(make_member("member"), "strange", 0, 5)
    with time_machine.travel(NOVEMBER + 30 * HOUR, tick=False):
        browser = browser_of(user)
        found = rows(browser)
        assert {name: cells[3:] for name, cells in found.items()} == {
            "gone": ["5.0", "10.0", "7.5", "55.0"],
            "there": ["10.0", "10.0", "5.0", "0.0"],
        }
        assert found["there"][2] == "still there"
        page = text_of(browser.get("/usage"))
        for said in ("15.0 hours", "20.0 vCPU hours", "12.5 GiB hours", "55.0 GiB hours"):
            assert said in page
        october = rows(browser, "?month=2026-10")
        assert {name: cells[3] for name, cells in october.items()} == {
            "before": "5.0",
            "gone": "10.0",
        }
        manager = UsageManager(make_context(user))
        for start, end in ((-20, 0), (-7, 25), (0, 30), (4, 4)):
            window = Window(NOVEMBER + start * HOUR, NOVEMBER + end * HOUR)
            (use,) = by_project(manager.find(window, order=ORDER).rows, window) or (None,)
            total = manager.total(window)
            said = (total.hours, total.vcpus, total.ram, total.disk)
            parts = () if use is None else (use.hours, *map(use.times, ("vcpus", "ram", "disk")))
            assert said == pytest.approx(parts or (0.0,) * 4)


def test_months_are_chosen_and_kept_while_one_looks_around(user: Any) -> None:
    for number in range(3):
        ran(user, f"web-{number}", -30, -20)
    ran(user, "db", -30, -20)
    with time_machine.travel(NOVEMBER + HOUR, tick=False):
        browser = browser_of(user)
        page = browser.get("/usage")
        assert "Nothing was used in this month" in text_of(page)
        assert re.findall(r"month=(2026-\d\d)\"", page.content.decode()) == [
            f"2026-{number:02}" for number in (11, 10, 9, 8, 7, 6)
        ]
        assert [*rows(browser, "?month=2026-10&q=web")] == ["web-0", "web-1", "web-2"]
        searched = browser.get("/usage?month=2026-10&q=web&sort=-name").content.decode()
        assert 'name="month" value="2026-10"' in searched
        assert "/usage?month=2026-10&amp;q=web&amp;sort=-launched_at" in searched
        assert next(iter(rows(browser, "?month=2026-10&sort=-name"))) == "web-2"
        old = browser.get("/usage?month=2020-02").content.decode()
        assert "February 2020" in old
        wrong = {
            word: browser.get(f"/usage?month={word}").status_code
            for word in ("2026-12", "soon", "2026-13", "0000-01", "2026-1-1", "%00")
        }
    assert wrong == dict.fromkeys(wrong, 422)
