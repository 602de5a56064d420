"""A create that is only considered: the create's own verdict, and nothing is taken."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from compute.models import Claim, Host
from identity.authentication import find_user
from identity.bootstrap import bootstrap
from instances.models import Instance
from tests.builders.instances import Lab, lab

pytestmark = pytest.mark.django_db(transaction=True)
PATH = "/compute/v2.1/os-dry-run"


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Lab]:
    with lab(tmp_path) as made:
        yield made


def considered(home: Lab, **beside: Any) -> dict[str, Any]:
    answer = home.client.send("POST", PATH, home.body() | beside)
    assert answer.status_code == 200, answer.content
    found: dict[str, Any] = answer.json()["dry_run"]
    return found


def test_the_verdict_is_that_of_the_create_and_takes_nothing(home: Lab) -> None:
    home.add_host("h2")
    assert considered(home) == {
        "fits": True, "reason": "", "total_hosts": 2, "removed": [], "drawn_from": [], "hosts": [],
    }  # fmt: skip
    Host.objects.update(enabled=False, disabled_reason="moving")
    found = considered(home)
    assert not Instance.objects.exists()
    assert not Claim.objects.exists()
    made = home.create()
    home.cloud.settle()
    failed = Instance.objects.get(id=made)
    assert (found["fits"], found["reason"]) == (False, failed.fault_message)
    assert found["removed"] == [{"filter": "enabled", "hosts": 2, "reason": "2 are disabled"}]
    assert found["hosts"] == []  # names are for operators


def test_what_a_create_refuses_is_refused_alike(home: Lab) -> None:
    body = home.body()
    body["server"]["flavorRef"] = "no-such-flavor"
    dry, made = (home.client.send("POST", path, body) for path in (PATH, "/compute/v2.1/servers"))
    assert (dry.status_code, dry.json()) == (400, made.json())
    elsewhere = home.body()
    elsewhere["server"]["availability_zone"] = "nova:h1"
    assert home.client.send("POST", PATH, elsewhere).status_code == 403


def test_operators_read_of_each_host_what_refuses_it_or_what_it_weighs(home: Lab) -> None:
    home.add_host("h2")
    Host.objects.filter(name="h2").update(enabled=False, disabled_reason="moving")
    server = home.body()["server"]
    words = {
        "project": str(home.project.id),
        "flavor": server["flavorRef"],
        "image": server["imageRef"],
    }
    said = StringIO()
    call_command("explain", **words, stdout=said)
    first, best, other = said.getvalue().splitlines()
    assert first == "It would go to one of h1."
    assert best.startswith("h1 (nova): weighs")
    assert other == "h2 (nova): is disabled (moving)"
    with pytest.raises(CommandError, match="could not be found"):
        call_command("explain", **words | {"flavor": "none"}, stdout=said)


def test_the_operators_page_shows_the_choice_and_what_it_would_be_now(home: Lab) -> None:
    bootstrap(admin_password="p", demo_password="p")
    user = find_user(name="admin")
    assert user is not None
    operator = Client()
    operator.force_login(user)
    made = home.create()
    page = operator.get(f"/admin/instances/instance/{made}/change/").content.decode()
    assert "h1, drawn by weight from h1 " in page
    (link,) = re.findall(r'href="(/admin/instances/instance/why-here/[^"]+)"', page)
    shown = operator.get(html.unescape(link)).content.decode()
    assert "One of these would be drawn, the first the likeliest: h1" in shown
    Host.objects.update(enabled=False, disabled_reason="moving")
    shown = operator.get(html.unescape(link)).content.decode()
    assert "No valid host was found. Of 1 host, 1 is disabled." in shown
    assert "is disabled (moving)" in shown
    wrong = operator.get("/admin/instances/instance/why-here/", {"flavor": "x", "image": "y"})
    assert "Write an id." in wrong.content.decode()
    said = {"project": "p", "flavor": "none", "image": str(home.image.id)}
    assert (
        "could not be found"
        in operator.get("/admin/instances/instance/why-here/", said).content.decode()
    )
