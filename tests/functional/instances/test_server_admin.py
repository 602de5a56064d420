"""The operators' page of servers: found by name, id, project, host; acted on by the records' buttons."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.test import Client

from cloudweb.encryption import encrypt
from instances.admin import InstanceAdmin
from instances.models import Instance
from instances.states import VmState
from network.manager import PortManager
from operations.models import Operation
from tests.builders.browsers import PASSWORD, browser_of, text_of
from tests.builders.identity import make_member
from tests.builders.instances import lab
from tests.builders.servers import make_server

pytestmark = pytest.mark.django_db(transaction=True)
LIST = "/admin/instances/instance/"


@pytest.fixture
def operator() -> Client:
    return browser_of(make_member("admin", password=PASSWORD))


def press(operator: Client, action: str, *servers: Instance, **more: str) -> Any:
    chosen = [str(one.id) for one in servers]
    return operator.post(LIST, {"action": action, "_selected_action": chosen, **more})


def said(answer: Any) -> list[str]:
    return [str(one) for one in get_messages(answer.wsgi_request)]


def test_servers_of_all_projects_are_found(operator: Client) -> None:
    mine = make_server(make_member("member"), name="mine", host="h-one")
    other = make_server(make_member("member"), name="other", vm_state=VmState.ERROR)
    gone = make_server(make_member("member"), name="gone", vm_state=VmState.DELETED)
    shown = {
        query: {name for name in ("mine", "other", "gone") if f">{name}<" in text}
        for query in ("", "q=min", "q=h-one", f"q={mine.id}", f"q={other.project_id}",
                      "vm_state__exact=error", "vm_state__exact=deleted")
        if (text := operator.get(f"{LIST}?{query}").content.decode())
    }  # fmt: skip
    assert list(shown.values()) == [
        {"mine", "other"}, {"mine"}, {"mine"}, {"mine"}, {"other"}, {"other"}, {"gone"},
    ]  # fmt: skip
    assert "gone" in text_of(operator.get(f"{LIST}{gone.id}/change/"))


def test_they_are_found_by_their_addresses_and_say_what_was_done_last(tmp_path: Path) -> None:
    with lab(tmp_path) as made:
        first, second = made.create(name="first"), made.create(name="second")
        operator = browser_of(make_member("admin", password=PASSWORD))
        card = Instance.objects.get(id=first).ports.get()
        (address,) = PortManager(made.context).get(str(card.port_id)).addresses.all()
        Instance.objects.filter(id=second).update(vm_state=VmState.ERROR, fault_message="No room.")
        found = text_of(operator.get(f"{LIST}?q={address.ip_address}"))
        assert ("first" in found, "second" in found) == (True, False)
        whole = text_of(operator.get(f"{LIST}?q=10.0.0."))
        assert "first" in whole
        assert "No room." in whole
        assert "instances.create: done" in whole


def test_it_is_for_operators_and_shows_no_secret(operator: Client) -> None:
    secret = {name: encrypt("s") for name in ("user_data", "injected_files", "admin_password")}
    server = make_server(make_member("member"), **secret)
    for path in (LIST, f"{LIST}{server.id}/change/"):
        page = operator.get(path)
        assert page.status_code == 200
        assert "gAAAA" not in page.content.decode()
        assert browser_of(make_member("member", password=PASSWORD)).get(path).status_code == 302


def test_one_refusal_does_not_stop_the_rest(operator: Client) -> None:
    running, stopped = (
        make_server(make_member("member"), name=name, vm_state=state)
        for name, state in (("a", VmState.ACTIVE), ("b", VmState.STOPPED))
    )
    asked = press(operator, "stop", running, stopped)
    assert "Their guests are asked to shut down." in text_of(asked)
    assert not Operation.objects.exists()
    answer = press(operator, "stop", running, stopped, sure="yes")
    refusal = f"Cannot 'stop' instance {stopped.id} while it is in vm_state stopped"
    assert said(answer) == [f"b ({stopped.id}): {refusal}", "1 accepted: Stop."]
    assert [one.resource_id for one in Operation.objects.all()] == [str(running.id)]
    assert said(press(operator, "start", stopped))[-1] == "1 accepted: Start."


def test_not_too_many_at_once(operator: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(InstanceAdmin, "most_at_once", 1)
    user = make_member("member")
    answer = press(operator, "stop", make_server(user), make_server(user), sure="yes")
    assert said(answer) == ["At most 1 at once."]
    assert not Operation.objects.exists()


def test_a_form_is_no_way_to_write_or_delete_rows(operator: Client) -> None:
    server = make_server(make_member("member"))
    for path in ("change", "delete"):
        assert operator.post(f"{LIST}{server.id}/{path}/", {"name": "x"}).status_code == 403
    assert operator.get(f"{LIST}add/").status_code == 403
    press(operator, "delete_selected", server, post="yes")
    assert Instance.objects.get().name == "vm1"
