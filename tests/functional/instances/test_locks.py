"""A lock: who sets it, who opens it, what is told of it, and what it looks like on pages."""

from __future__ import annotations

from typing import Any

import pytest

from instances.models import Instance
from tests.builders.browsers import PASSWORD, browser_of, text_of
from tests.builders.identity import client_of, make_member
from tests.builders.servers import make_server

pytestmark = pytest.mark.django_db
LATEST = {"OpenStack_API_Version": "compute 2.96"}


class House:
    """A server, and those who may lock it."""

    def __init__(self) -> None:
        user = make_member("member", password=PASSWORD)
        self.user = user
        self.server = make_server(user, name="web-1")
        self.url = f"/compute/v2.1/servers/{self.server.id}"
        admin_here = make_member("admin", project=user.default_project)
        self.browser = browser_of(user)
        self.clients = {
            "member": client_of(user),
            "reader": client_of(make_member("reader", project=user.default_project)),
            "admin here": client_of(admin_here),
            "operator": client_of(make_member("admin")),
        }

    def send(self, who: str, key: str, value: Any = None, version: str = "2.96") -> int:
        """Send an action; return the status."""
        at = {"OpenStack_API_Version": f"compute {version}"}
        answer = self.clients[who].send("POST", f"{self.url}/action", {key: value}, **at)
        return int(answer.status_code)

    def lock(self) -> tuple[Any, ...]:
        """Return what is shown and kept of the lock."""
        shown = self.clients["member"].send("GET", self.url, **LATEST).json()["server"]
        kept = Instance.objects.get(id=self.server.id)
        return shown["locked"], kept.locked_by, shown["locked_reason"]


@pytest.fixture
def house() -> House:
    return House()


def test_who_locks_and_who_opens(house: House) -> None:
    """As in Nova: a project's own lock stands as it is, an operator's is the operator's to open."""
    because = {"locked_reason": "it pays the wages"}
    steps = [
        ("reader", "lock", None, 403, (False, "", None)),
        ("member", "unlock", None, 202, (False, "", None)),
        ("member", "lock", because, 202, (True, "owner", "it pays the wages")),
        ("member", "lock", {"locked_reason": "no"}, 202, (True, "owner", "it pays the wages")),
        ("admin here", "lock", {}, 202, (True, "owner", "it pays the wages")),
        ("member", "os-stop", None, 409, (True, "owner", "it pays the wages")),
        ("member", "unlock", None, 202, (False, "", None)),
        ("member", "lock", None, 202, (True, "owner", None)),
        ("operator", "lock", because, 202, (True, "admin", "it pays the wages")),
        ("member", "unlock", None, 403, (True, "admin", "it pays the wages")),
        ("member", "lock", None, 202, (True, "admin", "it pays the wages")),
        ("operator", "lock", {"locked_reason": "sold"}, 202, (True, "admin", "sold")),
        ("admin here", "unlock", None, 202, (False, "", None)),
        ("member", "lock", None, 202, (True, "owner", None)),
        ("operator", "unlock", None, 202, (False, "", None)),
    ]
    found = [(*one[:3], house.send(*one[:3]), house.lock()) for one in steps]
    assert found == steps


def test_what_a_lock_may_say(house: House) -> None:
    wrongs: dict[tuple[str, str], Any] = {
        ("2.96", "a blank"): {"locked_reason": ""},
        ("2.96", "a number"): {"locked_reason": 1},
        ("2.96", "too long"): {"locked_reason": "x" * 256},
        ("2.96", "another word"): {"reason": "x"},
        ("2.96", "no object"): "x",
        ("2.72", "too early"): {"locked_reason": "x"},
    }
    found = {key: house.send("member", "lock", value, key[0]) for key, value in wrongs.items()}
    assert found == dict.fromkeys(wrongs, 400)
    assert house.lock() == (False, "", None)
    assert house.send("member", "lock", {"locked_reason": "x" * 255}) == 202
    assert house.lock()[2] == "x" * 255


def test_it_is_in_the_log_and_lists_sort_by_it(house: House) -> None:
    client = house.clients["member"]
    other = make_server(house.user, name="web-2")
    house.send("member", "lock")
    house.send("member", "unlock")
    house.send("member", "lock")
    log = client.send("GET", f"{house.url}/os-instance-actions").json()["instanceActions"]
    assert [one["action"] for one in log] == ["lock", "unlock", "lock"]
    ids = {str(house.server.id): "locked", str(other.id): "open"}

    def order(direction: str, version: str = "2.73") -> Any:
        url = f"/compute/v2.1/servers?sort_key=locked&sort_dir={direction}"
        answer = client.send("GET", url, OpenStack_API_Version=f"compute {version}")
        if answer.status_code != 200:
            return answer.status_code
        return [ids[one["id"]] for one in answer.json()["servers"]]

    found = order("asc"), order("desc"), order("asc", "2.72")
    assert found == (["open", "locked"], ["locked", "open"], 400)


def test_pages_lock_and_say_so(house: House) -> None:
    page = f"/servers/{house.server.id}"
    pressed = house.browser.post(f"{page}/lock", follow=True)
    assert "web-1 is locked." in text_of(pressed)
    refused = house.browser.post(f"{page}/stop", follow=True)
    assert "Not possible while the server is locked." in text_of(refused)
    assert Instance.objects.get(id=house.server.id).task_state is None
    house.browser.post(f"{page}/unlock")
    assert house.lock() == (False, "", None)
    house.send("operator", "lock", {"locked_reason": "un<b>paid"})
    shown = house.browser.get(page)
    assert "Locked by an operator: un&lt;b&gt;paid" in text_of(shown)
