"""Reports are taken together, each once, by when they were sent (OPERATIONS 21, 44, 46)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from cloudweb.agent import Agent, Function
from cloudweb.database.clock import now
from cloudweb.host import HostRuntime
from cloudweb.objects import VersionedObject
from cloudweb.rpc import Method
from operations import conductor, epoch, hearing, reporting, services
from operations.hearing import Incoming
from operations.models import HostCredential, Service
from operations.reporting import Heard
from operations.testing import Cloud, cloud

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db(transaction=True)]
BEFORE_CONTROL = 4  # statements of any number of reports of which nothing special follows


class Weather(VersionedObject):
    """What the test's agent reports: the wind each time, what it has only where that changed."""

    VERSION: ClassVar[str] = "1.0"

    wind: int
    stock: str | None = None


class Vane(Agent):
    """Says what the test puts into it; keeps what it says while there is stock."""

    def __init__(self) -> None:
        self.wind, self.stock = 0, None
        self.taken: list[int] = []

    def methods(self) -> Mapping[Method[Any], Function]:
        return {}

    def report(self, *, full: bool) -> Weather:
        return Weather(wind=self.wind, stock=self.stock)

    def keeps(self, part: Weather) -> bool:
        return True

    def reported(self, part: Weather) -> None:
        self.taken.append(part.wind)


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> list[Heard[Weather]]:
    """Return the parts that the domain took."""
    took: list[Heard[Weather]] = []
    monkeypatch.setitem(reporting._takers, "compute", (Weather, took.extend))
    return took


@pytest.fixture
def lab(tmp_path: Path, heard: list[Heard[Weather]]) -> Iterator[Cloud]:
    with cloud(tmp_path) as made:
        for name in ("h1", "h2", "h3"):
            made.add_host(name, {"compute": Vane()})
        made.report()  # all there is was asked for at the start
        made.pump()
        heard.clear()
        yield made


def says(host: HostRuntime, *, wind: int, stock: str | None = None, ahead: float = 0) -> Any:
    """Return a report as it crosses, from a host whose clock is so many seconds ahead."""
    vane = host.agents["compute"]
    assert isinstance(vane, Vane)
    vane.wind, vane.stock = wind, stock
    sent: list[dict[str, Any]] = []
    host.voice.send, send = lambda message: bool(sent.append(message)) or True, host.voice.send
    host.report()
    host.voice.send = send
    if ahead:
        message = {**sent[0], "sent_at": sent[0]["sent_at"] + ahead}
        message.pop("mac")
        from cloudweb.signing import mac

        return {**message, "mac": mac(host.voice._key, message)}
    return sent[0]


def hear(*envelopes: Any, read_after: datetime | None = None) -> None:
    moment = now()
    conductor.hear([Incoming(one, moment, read_after) for one in envelopes])


def winds(heard: list[Heard[Weather]]) -> list[tuple[str, int]]:
    return [(one.host, one.part.wind) for one in heard]


def test_many_reports_cost_the_statements_of_one(lab: Cloud, heard: list[Heard[Weather]]) -> None:
    counts = []
    for hosts in (["h1"], ["h1", "h2", "h3"]):
        envelopes = [says(lab.hosts[name], wind=1) for name in hosts]
        with CaptureQueriesContext(connection) as captured:
            hear(*envelopes)
        counts.append(len(captured))
    assert counts == [BEFORE_CONTROL - 1] * 2  # the domain's own is the fourth
    assert winds(heard) == [("h1", 1), ("h1", 1), ("h2", 1), ("h3", 1)]


def test_the_newest_of_a_host_counts_and_facts_are_told_until_they_are_taken(
    lab: Cloud, heard: list[Heard[Weather]]
) -> None:
    host = lab.hosts["h1"]
    reports = [says(host, wind=number) for number in (1, 2, 3)]
    hear(reports[1], reports[2], reports[0], says(lab.hosts["h2"], wind=7))
    assert winds(heard) == [("h1", 3), ("h2", 7)]
    lab.pump()  # the answers
    assert host.agents["compute"].taken[-1:] == [3]  # type: ignore[attr-defined]
    heard.clear()
    hear(*reports)
    assert heard == []


def test_what_the_newest_leaves_out_is_taken_from_the_one_before(
    lab: Cloud, heard: list[Heard[Weather]]
) -> None:
    host = lab.hosts["h1"]
    hear(says(host, wind=1, stock="much"), says(host, wind=2), says(host, wind=3))
    assert winds(heard) == [("h1", 1), ("h1", 3)]
    assert HostCredential.objects.get(host="h1").seq == host.voice._seq


def test_a_forged_report_takes_no_place(lab: Cloud, heard: list[Heard[Weather]]) -> None:
    """What claims to be newer counts for nothing, and the hosts read beside it are heard."""
    true = says(lab.hosts["h1"], wind=1)
    forged = {**true, "seq": true["seq"] + 5}
    odd = [{"host": name, "kind": "report"} for name in ("h1", "h1\x00", "no such", None, ["h1"])]
    boot = {**says(lab.hosts["h3"], wind=2), "boot_id": "x" * 100}
    hear(*odd, forged, true, boot, {}, says(lab.hosts["h2"], wind=2))
    assert winds(heard) == [("h1", 1), ("h2", 2)]


def test_one_part_that_fails_keeps_no_other_out_and_is_told_again(
    lab: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    took: list[str] = []

    def take(parts: list[Heard[Weather]]) -> None:
        if any(one.host == "h2" for one in parts):
            raise RuntimeError("h2 is more than this can take")
        took.extend(one.host for one in parts)

    monkeypatch.setitem(reporting._takers, "compute", (Weather, take))
    for host in lab.hosts.values():
        host.agents["compute"].taken.clear()  # type: ignore[attr-defined]
    hear(*(says(host, wind=1) for host in lab.hosts.values()))
    lab.pump()
    assert took == ["h1", "h3"]
    told = {name: host.agents["compute"].taken for name, host in lab.hosts.items()}  # type: ignore[attr-defined]
    assert told == {"h1": [1], "h2": [], "h3": [1]}


def last_seen(host: str) -> datetime:
    seen = Service.objects.get(host=host).last_seen_at
    assert seen is not None
    return seen


def test_up_is_judged_by_when_a_host_sent_not_by_when_it_was_read(lab: Cloud) -> None:
    late = says(lab.hosts["h1"], wind=1, ahead=-40)
    hear(late)
    assert abs((now() - last_seen("h1")).total_seconds() - 40) < 2
    assert not services.is_up("h1", "compute")


@pytest.mark.parametrize("ahead", [-600.0, 200.0])
def test_a_clock_that_is_off_is_measured(
    lab: Cloud, heard: list[Heard[Weather]], ahead: float
) -> None:
    """Such a host is neither down while it reports nor up when it has gone."""
    mark = now()
    hear(says(lab.hosts["h1"], wind=1, ahead=ahead), read_after=mark)
    assert mark <= last_seen("h1") <= now()
    assert abs(HostCredential.objects.get(host="h1").clock_ahead - ahead) < 2
    assert abs((heard[-1].time(now().timestamp() + ahead) - now()).total_seconds()) < 2
    # While the queue waits its length is not taken for the clock's fault.
    hear(
        says(lab.hosts["h1"], wind=2, ahead=ahead - 20),
        read_after=now() - timedelta(seconds=25),
    )
    assert abs((now() - last_seen("h1")).total_seconds() - 20) < 2
    hear(says(lab.hosts["h1"], wind=3), read_after=now() - timedelta(seconds=1))  # put right
    assert HostCredential.objects.get(host="h1").clock_ahead == 0
    assert services.is_up("h1", "compute")


def test_a_right_clock_is_not_blamed_for_a_queue_that_is_late(lab: Cloud) -> None:
    waited = says(lab.hosts["h1"], wind=1, ahead=-25)
    hear(waited, read_after=now() - timedelta(seconds=28))
    assert HostCredential.objects.get(host="h1").clock_ahead == 0
    assert abs((now() - last_seen("h1")).total_seconds() - 25) < 2


def test_the_epochs_of_many_hosts_are_caught_up_with(
    lab: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    highest = epoch.current()
    for number, host in enumerate(lab.hosts.values(), 1):
        monkeypatch.setattr(host.book, "top_epoch", lambda said=highest + 10 * number: said)
    hear(*(says(host, wind=1) for host in lab.hosts.values()))
    assert epoch.current() == highest + 30
    assert timedelta(seconds=5) == hearing.TOLERATED
