"""Which backups of a schedule are kept."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from cloudweb.retention import Retention, kept

START = datetime(2026, 1, 1, 3, tzinfo=UTC)
NIGHTS = {number: START + timedelta(days=number) for number in range(90)}


def test_the_last_and_the_newest_of_each_day_week_and_month() -> None:
    found = kept(NIGHTS, Retention(last=3, daily=5, weekly=4, monthly=12))
    days = sorted(NIGHTS[one].date().isoformat() for one in found)
    assert days == [
        "2026-01-31", "2026-02-28", "2026-03-15", "2026-03-22", "2026-03-27", "2026-03-28",
        "2026-03-29", "2026-03-30", "2026-03-31",
    ]  # fmt: skip


def test_several_of_a_day_count_once() -> None:
    hours = {number: START + timedelta(hours=number) for number in range(48)}
    found = kept(hours, Retention(last=1, daily=2))
    assert {hours[one].isoformat() for one in found} == {
        "2026-01-02T23:00:00+00:00", "2026-01-03T02:00:00+00:00",
    }  # fmt: skip


@given(
    st.dictionaries(st.integers(), st.datetimes(timezones=st.just(UTC)), max_size=40),
    st.integers(0, 5),
    st.integers(0, 5),
)
def test_the_newest_stays_and_what_is_gone_stays_gone(
    taken: dict[int, datetime], last: int, daily: int
) -> None:
    rules = Retention(last=last, daily=daily)
    found = kept(taken, rules)
    assert found <= taken.keys()
    assert (
        not taken
        or max(taken, key=lambda one: taken[one]) in found
        or len({*taken.values()}) < len(taken)
    )
    left = {one: taken[one] for one in found}
    assert kept(left, rules) == found
