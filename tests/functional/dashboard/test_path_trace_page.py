"""The page that says why a server cannot be reached: a question, an answer in sentences, where to mend it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.test import Client

from identity.models import User
from network.models import Port
from tests.builders.browsers import PASSWORD, browser_of, text_of
from tests.builders.identity import make_member
from tests.builders.instances import Lab, lab

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    with lab(tmp_path) as made:
        hosts_answer = SimpleNamespace(sleep=lambda _: made.cloud.pump(), monotonic=lambda: 0.0)
        monkeypatch.setattr("operations.asking.time", hosts_answer)
        yield made


@pytest.fixture
def user(home: Lab) -> User:
    return make_member("reader", project=home.project, password=PASSWORD)


def test_the_answer_names_the_hop_and_where_to_mend_it(home: Lab, user: User) -> None:
    reader, server_id, other_id = browser_of(user), home.create(), home.create()
    home.cloud.settle()
    url = f"/servers/{server_id}/reachability"
    page = reader.get(url)
    assert page.status_code == 200
    assert 'id="trace"' not in page.content.decode()
    assert "Anywhere outside" in text_of(page)
    page = reader.get(url, {"source": "outside", "protocol": "tcp", "port": "22"})
    assert 'data-verdict="stopped"' in page.content.decode()
    assert "floating IP" in text_of(page)
    assert f'href="/servers/{server_id}"' in page.content.decode()
    card = Port.objects.get(device_id=other_id)
    page = reader.get(url, {"source": str(card.id), "protocol": "icmp"})
    assert 'data-verdict="reaches"' in page.content.decode(), text_of(page)
    group = Port.objects.get(device_id=server_id).security_groups.get()
    group.rules.filter(direction="ingress").delete()
    page = reader.get(url, {"source": str(card.id), "protocol": "icmp"})
    assert "Stops here" in text_of(page)
    assert "Security group default has no rule that lets pings in" in text_of(page)
    assert 'href="/security-groups"' in page.content.decode()


def test_what_the_host_sees_is_said(home: Lab, user: User, client: Client) -> None:
    """The recorded host answers: its records are what it sees."""
    reader, server_id, other_id = browser_of(user), home.create(), home.create()
    home.cloud.settle()
    card, own = (Port.objects.get(device_id=one) for one in (other_id, server_id))
    url = f"/servers/{server_id}/reachability"
    asked = {"source": str(card.id), "protocol": "icmp"}
    page = reader.get(url, asked)
    assert "the filters in force let it pass" in text_of(page)
    assert "Seen by its host" in text_of(page)
    (wires,) = home.wires.values()
    segment = wires.segment(str(own.network_id))
    taken = segment.filters.pop(str(own.id))
    page = reader.get(url, asked)
    assert 'data-verdict="stopped"' in page.content.decode()
    assert "The filters in force on the host drop it into port" in text_of(page)
    segment.filters[str(own.id)] = taken
    del segment.taps[str(card.id)]
    page = reader.get(url, asked)
    assert "wire on its host, or switched off there" in text_of(page)
    client.force_login(make_member("admin"))
    page = client.get(f"/admin/network/port/{own.id}/trace/", asked)
    assert page.status_code == 200
    assert "observed, 0" in text_of(page)


def test_a_host_that_does_not_answer_is_said(
    home: Lab, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader, server_id, other_id = browser_of(user), home.create(), home.create()
    home.cloud.settle()
    monkeypatch.setattr(
        "operations.asking.time", SimpleNamespace(monotonic=count().__next__, sleep=lambda _: None)
    )
    page = reader.get(
        f"/servers/{server_id}/reachability",
        {"source": str(Port.objects.get(device_id=other_id).id), "protocol": "icmp"},
    )
    assert page.status_code == 200
    assert 'data-verdict="unknown"' in page.content.decode()
    assert "did not answer in time" in text_of(page)


def test_a_bad_question_is_answered_at_its_field(home: Lab, user: User) -> None:
    reader, server_id = browser_of(user), home.create()
    url = f"/servers/{server_id}/reachability"
    questions = {
        "no port": {"source": "outside", "protocol": "tcp"},
        "port 0": {"source": "outside", "protocol": "tcp", "port": "0"},
        "nobody": {"source": "x", "protocol": "icmp"},
        "no protocol": {"source": "outside", "protocol": "x", "port": "1"},
        "no address": {"source": "outside", "protocol": "icmp", "address": "10.0.0"},
        "two versions": {"source": "outside", "protocol": "icmp", "address": "2001:db8::1"},
    }
    for name, said in questions.items():
        page = reader.get(url, said)
        assert page.status_code == 200, name
        assert 'id="trace"' not in page.content.decode(), name
        assert (
            'class="wrong"' in page.content.decode() or 'role="alert"' in page.content.decode()
        ), name
