"""Scheduler hints: what is heard of them, what is refused, and what is only kept."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from instances import scheduler_hints
from instances.models import Instance
from network.models import Agent
from tests.builders.instances import Lab, lab

pytestmark = pytest.mark.django_db(transaction=True)
SOME_ID = "11111111-2222-4333-8444-555555555555"
HINTS = "os:scheduler_hints"


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Lab]:
    with lab(tmp_path) as made:
        yield made


def create(home: Lab, **beside: Any) -> Any:
    """Ask for a server with these keys beside it."""
    body = home.body() | beside
    answer = home.client.send("POST", "/compute/v2.1/servers", body)
    return answer.json()["server"]["id"] if answer.status_code == 202 else answer.status_code


def test_servers_go_together_and_apart(home: Lab) -> None:
    home.add_host("h2")
    first = home.create()
    hosts = {first: Instance.objects.get(id=first).host}
    for hint, said in (("same_host", first), ("same_host", [first]), ("different_host", [first])):
        made = create(home, **{HINTS: {hint: said}})
        home.cloud.settle()
        hosts[made] = Instance.objects.get(id=made).host
    beside, also, apart = list(hosts.values())[1:]
    assert (beside, also, apart) == (hosts[first], hosts[first], *{"h1", "h2"} - {hosts[first]})
    nowhere = create(home, **{HINTS: {"same_host": SOME_ID}})
    home.cloud.settle()
    failed = Instance.objects.get(id=nowhere)
    assert failed.vm_state == "error"
    assert "none of the servers it is to be with" in failed.fault_message


def test_what_is_said_is_checked_and_kept(home: Lab) -> None:
    kept = {
        "same_host": [SOME_ID],
        "query": '["=", "$host", "h1"]',
        "build_near_host_ip": "10.0.0.1",
        "cidr": "/24",
        "my_own": {"deep": [1, None]},
    }
    made = create(home, **{HINTS: kept, "OS-SCH-HNT:scheduler_hints": {"group": SOME_ID}})
    older = create(home, **{"OS-SCH-HNT:scheduler_hints": {"mine": "x"}})
    bare = create(home, **{HINTS: {}})
    found = [Instance.objects.get(id=one).scheduler_hints for one in (made, older, bare)]
    assert found == [kept, {"mine": "x"}, {}]
    wrongs: dict[str, Any] = {
        "no object": "x",
        "a list": [],
        "no group": {"group": SOME_ID},
        "no id": {"same_host": "h1"},
        "one that is no id": {"different_host": [SOME_ID, "h1"]},
        "a number": {"different_host": 1},
        "no address": {"build_near_host_ip": "here"},
        "no prefix": {"cidr": "24"},
        "no question": {"query": 1},
        "an empty cell": {"target_cell": ""},
        "too much": {"mine": "x" * 9000},
        "too many": {"same_host": [SOME_ID] * 101},
        "a NUL": {"a": "\0"},
    }
    before = Instance.objects.count()
    answers = {why: create(home, **{HINTS: said}) for why, said in wrongs.items()}
    assert answers == dict.fromkeys(wrongs, 400)
    assert Instance.objects.count() == before


def test_what_operators_let_be_heard_is_heard(home: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scheduler_hints, "HINTS_HEARD", {"query", "build_near_host_ip"})
    home.add_host("h2")
    Agent.objects.filter(host="h2").update(tunnel_address="10.0.7.2")
    cases: dict[str, dict[str, Any]] = {
        "query": {"query": '["=", "$host", "h2"]'},
        "near": {"build_near_host_ip": "10.0.7.99"},
        "nowhere": {"build_near_host_ip": "10.0.7.99", "cidr": "/30"},
    }
    made = {why: create(home, **{HINTS: said}) for why, said in cases.items()}
    home.cloud.settle()
    found = {why: Instance.objects.get(id=one) for why, one in made.items()}
    assert [found["query"].host, found["near"].host] == ["h2", "h2"]
    assert "2 have no address near the one" in found["nowhere"].fault_message
    wrongs: dict[str, Any] = {
        "no JSON": {"query": "["},
        "an object": {"query": {"a": 1}},
        "an unknown name": {"query": '["=", "$password", "x"]'},
        "too long a prefix": {"build_near_host_ip": "10.0.0.1", "cidr": "/99"},
    }
    answers = {why: create(home, **{HINTS: said}) for why, said in wrongs.items()}
    assert answers == dict.fromkeys(wrongs, 400)
