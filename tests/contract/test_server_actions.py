"""A server action is one record with its method and saga: all that reads records serves it then."""

from __future__ import annotations

import importlib
import importlib.util
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from pkgutil import iter_modules
from types import SimpleNamespace
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from rest_framework.response import Response

from cloudweb.api.views import ServiceViewSet, empty
from cloudweb.context import RequestContext
from cloudweb.microversions.compute import since, until
from cloudweb.policy import RULES, Rule, admin, policy, policy_of
from cloudweb.states import ANY, Mode
from dashboard.components.actions import buttons
from instances import actions
from instances.actions import ACTIONS, Button, InstanceAction
from instances.api.serializers import actions as shapes
from instances.manager import InstanceManager
from instances.models import Instance
from instances.operations.rows import write
from instances.states import TaskState, VmState
from operations.saga import Run, Saga, Step
from operations.testing import check_invariants
from tests.builders.access import Line
from tests.builders.browsers import PASSWORD, browser_of, text_of
from tests.builders.identity import client_of, make_member
from tests.builders.instances import Lab, lab
from tests.builders.servers import make_server
from tests.contract.access.test_instances import LINES
from tests.drills.every import DRILLS
from tests.infrastructure import ROOT

#: What has no button, and where a tenant finds it.
NO_BUTTON = {
    "update": "the page's Rename",
    "metadata": "the API alone",
    "tags": "the API alone",
    "migrate": "the API alone: it is an operator's",
    "evacuate": "operators' list of servers: it is theirs",
    "console_output": "the page's tab Console log",
    "open_console": "the page's tab Console",
    "serial_console": "the page's tab Console",
    "vnc_console": "the page's tab Console",
    "attach_volume": "the API alone: it must say which volume",
    "detach_volume": "the API alone: it must say which volume",
    "update_volume": "the API alone",
    "attach_interface": "the server's page: it must say which network",
    "detach_interface": "the server's page: it must say which card",
    "swap_volume": "at the volume, for operators: it must say which takes its place",
    "add_security_group": "the API alone: it must say which group",
    "remove_security_group": "the API alone: it must say which group",
    **dict.fromkeys(
        ("add_fixed_ip", "remove_fixed_ip"), "the API alone: the server's page gives another card"
    ),
    **dict.fromkeys(
        ("add_floating_ip", "remove_floating_ip"), "the network's pages: they lead addresses"
    ),
    "change_password": "the API alone: it must say which password",
    "trigger_crash_dump": "the API alone",
    "force_delete": "Delete, which is the same where nothing is kept for a while",
    "create_backup": "the API alone: it must say how many are kept",
}
#: Every record of every file of actions.
CONSTANTS = {
    name: record
    for found in iter_modules(actions.__path__, "instances.actions.")
    for name, record in vars(importlib.import_module(found.name)).items()
    if isinstance(record, InstanceAction)
}
ICONS = set((ROOT / "static" / "icons.txt").read_text().split())


def states_page() -> str:
    """Draw docs/states.md anew."""
    spec = importlib.util.spec_from_file_location("states_page", ROOT / "docs" / "states.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return str(module.page())


def lacking(action: InstanceAction) -> Iterator[str]:
    """Say what a record promises and nobody keeps."""
    method = getattr(InstanceManager, action.method, None)
    if method is None:
        yield "a method of InstanceManager"
    elif policy_of(method) != action.policy:
        yield "its policy at its method"
    if RULES.get(action.policy) is not action.rule:
        yield "its policy declared"
    if action.saga and action.saga not in {drill.saga for drill in DRILLS}:
        yield "a drill of its saga"
    tested: set[str] = {key for line in LINES for key in _keys(line)}
    if action.wire and action.wire not in tested:
        yield "an access line"
    if f"| {action.name} |" not in (ROOT / "docs" / "states.md").read_text():
        yield "its row in docs/states.md"
    if (action.button is None) != (action.name in NO_BUTTON):
        yield "a button, or why it has none"
    if action.button and action.button.icon not in ICONS:
        yield "its icon in static/icons.txt"
    if set(action.shows) - set(TaskState.values):
        yield "words for what it shows"
    if not all(hasattr(shapes, name) for name in (action.body, action.answer) if name):
        yield "the classes of its body and answer"
    if CONSTANTS.get(action.name.upper()) is not action:
        yield "a constant of its name"


def _keys(line: Line) -> set[str]:
    return set(line.body) if line.path.endswith("/action") else set()


def test_every_record_has_all_that_belongs_to_it() -> None:
    found = {name: list(lacking(action)) for name, action in ACTIONS.items()}
    assert found == {name: [] for name in ACTIONS}
    assert list(lacking(NUDGE)) == [
        "a method of InstanceManager",
        "its policy declared",
        "a drill of its saga",
        "an access line",
        "its row in docs/states.md",
        "the classes of its body and answer",
        "a constant of its name",
    ]


def test_no_file_of_actions_is_forgotten() -> None:
    assert set(CONSTANTS.values()) == set(ACTIONS.values())


def test_records_do_not_get_in_each_others_way() -> None:
    keys = [action.wire for action in ACTIONS.values() if action.wire]
    assert len(keys) == len(set(keys))
    logged: dict[Any, set[str]] = {}
    rules: dict[str, set[Rule]] = {}
    for action in ACTIONS.values():
        logged.setdefault(action.saga, set()).add(action.logged)
        rules.setdefault(action.policy, set()).add(action.rule)
    assert {saga: names for saga, names in logged.items() if saga and len(names) > 1} == {}
    assert {name: those for name, those in rules.items() if len(those) > 1} == {}


def test_a_record_that_cannot_be_right_is_refused() -> None:
    facts: dict[str, Any] = {"name": "nudge", "vm_states": {"active"}, "policy": "x"}
    wrongs: tuple[dict[str, Any], ...] = (
        {},
        {"saga": NudgeInstance},
        {"shows": (TaskState.REBOOTING,)},
        {"mode": Mode.FREE, "shows": (TaskState.REBOOTING,)},
        {"mode": Mode.READING, "logs": True},
    )
    for wrong in wrongs:
        with pytest.raises(ValueError, match="nudge"):
            InstanceAction(**facts, **wrong)


# -- one more action


class NudgeInstance(Saga):
    """Shows a second task, then rests."""

    kind = "tests.nudge"
    resource_type = "instance"
    steps = (Step("nudge", lambda run: write(run, task_state=TaskState.SPAWNING)),)

    @classmethod
    def on_done(cls, run: Run) -> None:
        write(run, task_state=None, description=run.args["words"])


class NudgeBody(shapes.ActionBody):
    """A value with parameters."""

    with_words: str

    def arguments(self) -> dict[str, Any]:
        return {"words": self.with_words}


class NudgeAnswer(shapes.ActionAnswer):
    """A body from one version on, a header before."""

    nudge_id: str

    @classmethod
    def of(cls, found: Any, view: ServiceViewSet) -> Response:
        if view.version in since(45):
            return Response({"nudge_id": found})
        answer = empty(202)
        answer.headers["Location"] = f"http://testserver/nudges/{found}"
        return answer


NUDGE = InstanceAction(
    name="nudge",
    vm_states={VmState.ACTIVE},
    shows=(TaskState.NETWORKING, TaskState.SPAWNING),
    saga=NudgeInstance,
    policy="compute:servers:nudge",
    wire="os-nudge",
    versions=since(17) & until(94),
    body="NudgeBody",
    answer="NudgeAnswer",
    spoken="nudgeServer",
    arguments={"words": "hello"},
    button=Button(label="Nudge it", icon="reload", done="{} is nudged.", warning="It will wake."),
)


@policy(NUDGE.policy)
def nudge(self: InstanceManager, instance_id: str, *, words: str) -> str:
    self._act(instance_id, NUDGE, words=words)
    return f"n-{words}"


MARK = InstanceAction(
    name="mark",
    vm_states=ANY,
    task_states=ANY,
    mode=Mode.FREE,
    ran=False,
    while_locked=True,
    policy="compute:servers:update",
    wire="mark",
    status=204,
    logged="mark-server",
    logs=True,
)


@policy(MARK.policy)
def mark(self: InstanceManager, instance_id: str) -> None:
    self._change(instance_id, MARK, description="marked")


@pytest.mark.django_db
def test_a_free_action_may_be_in_the_log(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without an operation to wait for, whatever is under way, and not for what was refused."""
    monkeypatch.setitem(ACTIONS, MARK.name, MARK)
    monkeypatch.setattr(InstanceManager, "mark", mark, raising=False)
    user = make_member("member")
    server = make_server(user, task_state=TaskState.REBOOTING, locked_by="admin")
    client, url = client_of(user), f"/compute/v2.1/servers/{server.id}"
    answer = client.send("POST", f"{url}/action", {"mark": None})
    assert (answer.status_code, answer.content) == (204, b"")
    reader = client_of(make_member("reader", project=user.default_project))
    assert reader.send("POST", f"{url}/action", {"mark": None}).status_code == 403
    server.refresh_from_db()
    assert (server.description, server.task_state) == ("marked", TaskState.REBOOTING)
    asked = answer.headers["X-OpenStack-Request-Id"]
    [found] = client.send("GET", f"{url}/os-instance-actions").json()["instanceActions"]
    told = [found[key] for key in ("action", "request_id", "user_id", "message")]
    assert told == ["mark-server", asked, user.pk, None]
    one = client.send("GET", f"{url}/os-instance-actions/{asked}").json()["instanceAction"]
    assert one["events"] == []
    check_invariants()


@pytest.fixture
def one_more(monkeypatch: pytest.MonkeyPatch) -> InstanceAction:
    """Add the record, and the method, body and answer that it names."""
    monkeypatch.setitem(ACTIONS, NUDGE.name, NUDGE)
    monkeypatch.setitem(RULES, NUDGE.policy, NUDGE.rule)
    monkeypatch.setattr(InstanceManager, "nudge", nudge, raising=False)
    for shape in (NudgeBody, NudgeAnswer):
        monkeypatch.setattr(shapes, shape.__name__, shape, raising=False)
    return NUDGE


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Lab]:
    with lab(tmp_path) as made:
        yield made


@pytest.mark.django_db(transaction=True)
def test_one_more_record_is_served_and_shown(home: Lab, one_more: InstanceAction) -> None:
    server_id = home.create()
    url, body = f"/compute/v2.1/servers/{server_id}", {"os-nudge": {"with_words": "up"}}

    def send(body: Mapping[str, Any] = body, version: str = "2.94", client: Any = None) -> Any:
        at = {"OpenStack_API_Version": f"compute {version}"}
        return (client or home.client).send("POST", f"{url}/action", body, **at)

    refused = {version: send(version=version).status_code for version in ("2.16", "2.95")}
    assert refused == {"2.16": 404, "2.95": 404}
    for wrong in (None, {}, {"with_words": 1}, {"with_words": "up", "twice": True}, "up"):
        assert send({"os-nudge": wrong}).status_code == 400, wrong
    reader = client_of(make_member("reader", project=home.project))
    assert send(client=reader).status_code == 403
    done = send()
    assert (done.status_code, done.json()) == (202, {"nudge_id": "n-up"})
    again = send()
    assert again.status_code == 409
    words = f"Cannot 'nudgeServer' instance {server_id} while it is in task_state networking"
    assert again.json()["conflictingRequest"]["message"] == words
    home.cloud.settle()
    assert Instance.objects.get(id=server_id).description == "up"
    older = send(version="2.44")
    assert (older.status_code, older.content) == (202, b"")
    assert older.headers["Location"] == "http://testserver/nudges/n-up"
    home.cloud.settle()
    log = home.client.send("GET", f"{url}/os-instance-actions").json()["instanceActions"]
    assert [one["action"] for one in log] == ["nudgeServer", "nudgeServer", "create"]

    browser = browser_of(make_member("member", project=home.project, password=PASSWORD))
    page = browser.get(reverse("server", args=[server_id])).content.decode()
    assert 'data-ask="Nudge it vm1?" data-ask-text="It will wake."' in page
    pressed = browser.post(reverse("server_action", args=[server_id, "nudge"]), follow=True)
    assert "is nudged." in text_of(pressed)
    home.cloud.settle()
    assert Instance.objects.get(id=server_id).description == "hello"
    operator = browser_of(make_member("admin", password=PASSWORD))
    offered = operator.get(reverse("admin:instances_instance_changelist")).content.decode()
    assert '<option value="nudge">Nudge it</option>' in offered
    assert "Nudge it" in text_of(browser.get(reverse("server_history", args=[server_id])))


def test_one_more_record_is_described(
    one_more: InstanceAction, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = (
        "| nudge |  | ●<sup>1</sup> |  |  |  |  |  |  |  |  |  "
        "| `networking`, `spawning` | exclusive |"
    )
    said = "| nudge | `os-nudge` | From 2.17 to 2.94 | `compute:servers:nudge` | project member |"
    page = states_page()
    assert row in page
    assert said in page
    schema = shapes.ServerAction.model_json_schema()
    assert schema["$defs"]["ServerNudge"]["required"] == ["os-nudge"]
    assert "NudgeAnswer" in str(shapes.ServerActionAnswer.model_json_schema())
    assert shapes.answers() == {200: shapes.ServerActionAnswer, 202: None, 204: None}
    monkeypatch.setitem(ACTIONS, MARK.name, MARK)
    assert shapes.answers() == {200: shapes.ServerActionAnswer, 202: None, 204: None}


@pytest.mark.django_db
def test_what_needs_more_than_a_click_has_a_page(
    one_more: InstanceAction, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert NUDGE.button is not None
    asking = replace(NUDGE, button=replace(NUDGE.button, page="server_history"))
    monkeypatch.setitem(ACTIONS, NUDGE.name, asking)
    user = make_member("member", password=PASSWORD)
    server, browser = make_server(user), browser_of(user)
    address = reverse("server_history", args=[server.id])
    for path in (reverse("servers"), reverse("server", args=[server.id])):
        links = re.findall(
            rf'<a [^>]*href="{address}"[^>]*>(?:(?!</a>).)*Nudge it</a>', page(browser, path)
        )
        assert len(links) == 1, path
    assert browser.post(reverse("server_action", args=[server.id, "nudge"])).status_code == 404
    Instance.objects.update(vm_state=VmState.STOPPED)
    stopped = page(browser, reverse("servers"))
    assert f'href="{address}"' not in stopped
    assert "Nudge it" in stopped
    operator = browser_of(make_member("admin", password=PASSWORD))
    assert 'value="nudge"' not in page(operator, reverse("admin:instances_instance_changelist"))


def page(browser: Client, path: str) -> str:
    return browser.get(path).content.decode()


def test_pages_offer_operators_alone_what_is_theirs(
    one_more: InstanceAction, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(RULES, NUDGE.policy, admin)
    server: Any = SimpleNamespace(
        vm_state="active", task_state=None, launched_at="once", locked_by=""
    )
    shown = {
        role: one_more.name in {one.name for one in buttons(context, server)}
        for role in ("member", "admin")
        if (context := RequestContext(project_id="p", roles=frozenset({role})))
    }
    assert shown == {"member": False, "admin": True}
