"""What else is done on a server's page: rename it, launch one like it, answer before it stops."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.test import Client

from identity.models import User
from instances.models import Instance
from tests.builders.browsers import PASSWORD, browser_of, text_of
from tests.builders.identity import make_member
from tests.builders.instances import Lab, lab

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Lab]:
    with lab(tmp_path) as made:
        yield made


@pytest.fixture
def user(home: Lab) -> User:
    return make_member("member", project=home.project, password=PASSWORD)


def test_rename(home: Lab, user: User) -> None:
    member, server_id = browser_of(user), home.create()
    url = f"/servers/{server_id}/rename"
    assert member.post(url, {"name": "a better name"}).url == f"/servers/{server_id}"
    server = Instance.objects.get(id=server_id)
    assert (server.name, server.hostname) == ("a better name", "vm1")
    for bad, words in (("", "This field is required."), ("a\x07b", "Control characters")):
        answer = member.post(url, {"name": bad})
        assert answer.status_code == 422
        assert words in text_of(answer)
        assert re.search(r'<dialog[^>]*id="rename-box"[^>]*data-open', answer.content.decode())
    assert Instance.objects.get(id=server_id).name == "a better name"
    assert member.get(url).url == f"/servers/{server_id}"


def test_what_ends_a_guests_work_is_asked_about(home: Lab, user: User) -> None:
    member, server = browser_of(user), home.create()
    page = member.get(f"/servers/{server}").content.decode()
    asked = {
        action: "data-ask=" in form
        for form, action in re.findall(r"(<form(?:(?!</form>).)*data-action=\"(\w+)\")", page, re.S)
    }
    # Rescue and rebuild have pages of their own, which say it beside the choice of an image.
    assert asked == {
        "start": False, "stop": True, "reboot": True, "hard_reboot": True, "delete": True,
        "pause": True, "suspend": True,
        "lock": False, "create_image": True, "shelve": True,
    }  # fmt: skip
    home.act(server, "pause")
    home.cloud.settle()
    assert 'data-action="unpause"' in member.get(f"/servers/{server}").content.decode()


def fail(home: Lab, member: Client) -> Instance:
    """Launch a server that no host has room for."""
    home.guests["h1"].ram = 1
    home.cloud.report()
    home.cloud.pump()
    member.post("/key-pairs/new", {"name": "laptop"})
    answer = member.post(
        "/servers/launch",
        {
            "name": "web-1", "image": str(home.image.id), "flavor": home.flavor.id,
            "networks": [str(home.network.id)], "groups": ["default"], "count": "1",
            "let_in": ["ssh"], "key": "laptop", "user_data": "#!/bin/sh\necho <hello>\n",
            "zone": "nova",
        },
    )  # fmt: skip
    home.cloud.settle()
    return Instance.objects.get(id=answer.url.rpartition("/")[2])


def test_after_a_failure_one_like_it_is_a_click_away(home: Lab, user: User) -> None:
    member = browser_of(user)
    server = fail(home, member)
    page = member.get(f"/servers/{server.id}").content.decode()
    again = re.search(r'href="(/servers/launch\?like=[^"]+)"', page)
    assert again is not None
    form = member.get(again[1]).content.decode()
    for wanted in (
        r'name="name"[^>]*value="web-1"',
        rf'name="image"\s+value="{home.image.id}"[^>]*checked',
        rf'name="flavor"\s+value="{home.flavor.id}"[^>]*checked',
        rf'name="networks"\s+value="{home.network.id}"[^>]*checked',
        r'name="let_in" value="ssh" checked',
        r'name="groups" value="default" checked',
        r'<option value="laptop"[^>]*selected',
        r'<option value="nova" selected',
        r"echo &lt;hello&gt;",
    ):
        assert re.search(wanted, form, re.S), wanted
    assert not re.search(r'name="let_in" value="ping" checked', form)

    other = browser_of(make_member("member", project=home.project, password=PASSWORD))
    theirs = other.get(again[1])
    assert theirs.status_code == 200
    assert "hello" not in theirs.content.decode()  # a script may hold its writer's secrets
    stranger = browser_of(make_member("member", password=PASSWORD))
    assert stranger.get(again[1]).status_code == 404
