"""The operators' page of periodic tasks shows each, and steers it by the manager."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.contrib import admin
from django.test import Client
from django_celery_beat import models as beat

from cloudweb import rpc
from cloudweb.database.clock import now
from operations.models import PeriodicTask
from operations.periodic import claims
from operations.testing.memory import MemoryBroker, doorbell_quiet
from tests.builders.identity import make_member
from tests.builders.periodic import NAME, entry, read_tides, row

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db(transaction=True)]
LIST = "/admin/operations/periodictask/"


@pytest.fixture(autouse=True)
def broker(monkeypatch: pytest.MonkeyPatch) -> Iterator[MemoryBroker]:
    doorbell_quiet()  # what others rang for is not ours
    made = MemoryBroker()
    monkeypatch.setattr(rpc, "_sender", made)
    with read_tides(lambda: None):
        yield made


@pytest.fixture
def operator() -> Client:
    client = Client()
    client.force_login(make_member("admin"), backend="identity.backends.SqlBackend")
    return client


def words(client: Client, url: str = LIST) -> str:
    """Return what a page says, without its markup."""
    page = client.get(url).content.decode()
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", page))


def test_the_list_says_what_an_operator_asks(operator: Client) -> None:
    assert f"{NAME} Read the tides. control plane 10 min not run yet - - - in 9" in words(operator)
    ended = now()
    PeriodicTask.objects.update(
        started_at=ended - timedelta(minutes=3), ended_at=ended, seconds=1.25, runs=1, every=90
    )
    assert re.search(r"90 s well 3.minutes ago 1.25 s - in \d", words(operator))
    PeriodicTask.objects.update(error="<b>boom</b>" * 20, error_at=ended)
    page = operator.get(f"{LIST}?state=failed").content.decode()
    assert "&lt;b&gt;boom" in page
    assert "<b>boom" not in page
    assert "failed" in words(operator)
    PeriodicTask.objects.update(paused=True)
    assert "paused" in words(operator, f"{LIST}?state=paused")
    PeriodicTask.objects.update(owner="x", lease_until=now() + timedelta(minutes=1))
    assert "running" in words(operator, f"{LIST}?state=running")
    PeriodicTask.objects.update(lease_until=now() - timedelta(minutes=1))
    assert "died" in words(operator)


def test_the_cost_of_the_list_does_not_grow(
    operator: Client, django_assert_max_num_queries: object
) -> None:
    PeriodicTask.objects.bulk_create(
        PeriodicTask(name="network.repair", host=f"h{n}", default_every=10) for n in range(40)
    )
    with django_assert_max_num_queries(12):  # type: ignore[operator]
        operator.get(LIST)


def test_its_buttons_pause_and_run_it(operator: Client, broker: MemoryBroker) -> None:
    def press(action: str) -> None:
        operator.post(LIST, {"action": action, "_selected_action": [str(row().id)]})

    press("pause")
    assert (row().paused, entry().enabled) == (True, False)
    press("go_on")
    assert (row().paused, entry().enabled) == (False, True)
    press("run_now")
    assert claims.overdue() == [NAME]
    operator.get(f"{LIST}{row().id}/run")  # a link does nothing
    operator.post(f"{LIST}{row().id}/run")
    doorbell_quiet()
    assert list(broker.queues["conductor"]) == [(rpc.PERIODIC, NAME)] * 2


def test_its_form_changes_the_interval(operator: Client) -> None:
    page = f"{LIST}{row().id}/change/"
    assert "every 600 seconds, as its code says" in words(operator, page)
    operator.post(page, {"every": "45", "paused": "on"})
    assert (row().every, row().paused) == (45, True)
    assert (entry().interval.every, entry().enabled) == (45, False)
    for wrong in ("0", "-1", "soon", str(10**12)):
        assert operator.post(page, {"every": wrong}).status_code == 200
        assert row().every == 45
    operator.post(page, {"every": ""})
    assert (row().every, row().paused, row().interval) == (None, False, 600)


def test_operators_see_one_list(operator: Client) -> None:
    kinds = (beat.PeriodicTask, beat.IntervalSchedule, beat.CrontabSchedule)
    assert not any(admin.site.is_registered(kind) for kind in kinds)
    assert "Periodic tasks" in words(operator, "/admin/")
    assert "celery" not in words(operator, "/admin/").lower()


def test_nobody_else_opens_it() -> None:
    client = Client()
    client.force_login(make_member("member"), backend="identity.backends.SqlBackend")
    assert client.post(f"{LIST}{row().id}/run").status_code in (302, 403)
    assert claims.overdue() == []
