"""Values that pages show: faults taken apart, bars, badges for every state."""

from __future__ import annotations

import itertools
from types import SimpleNamespace
from typing import Any, cast

from cloudweb.context import RequestContext
from cloudweb.policy import admin, project_manager
from dashboard.components.actions import buttons
from dashboard.components.fault import Fault, fault_of
from dashboard.components.status import image_badge, server_badge
from dashboard.components.usage import bars
from dashboard.templatetags.pages import mib, size, step_text, took
from image.states import STATUSES
from instances.actions import ACTIONS, possible
from instances.manager.limits import Usage
from instances.states import PowerState, TaskState, VmState

#: Whose rules let no member pass.
OPERATORS = (admin, project_manager)


def test_the_schedulers_explanation_is_taken_apart() -> None:
    message = (
        "No valid host was found. Of 12 hosts, 2 are down, 9 have too little RAM left "
        "(8,192 MiB wanted, at most 1,024 MiB left) and 1 is switched off. "
        "A flavor with at most 1,024 MiB of RAM would fit now."
    )
    assert fault_of(message) == Fault(
        "No host has room for it.",
        "Of 12 hosts",
        [
            "2 are down",
            "9 have too little RAM left (8,192 MiB wanted, at most 1,024 MiB left)",
            "1 is switched off",
        ],
        "A flavor with at most 1,024 MiB of RAM would fit now.",
    )


def test_other_faults_are_shown_as_they_are() -> None:
    assert fault_of("The disk is made of cheese.") == Fault("The disk is made of cheese.")
    none_yet = "No valid host was found. This cloud has no compute host yet."
    assert fault_of(none_yet) == Fault(
        "No host has room for it. This cloud has no compute host yet."
    )
    assert fault_of("") is None


def test_every_state_has_a_badge_and_buttons_follow_the_table() -> None:
    member = RequestContext(project_id="p", roles=frozenset({"member", "reader"}))
    operator = RequestContext(project_id="p", roles=frozenset({"admin"}))
    reader = RequestContext(project_id="p", roles=frozenset({"reader"}))
    tasks: list[str | None] = [None, *TaskState.values]
    for vm, task, power in itertools.product(VmState.values, tasks, PowerState.values):
        row: Any = SimpleNamespace(
            vm_state=vm, task_state=task, power_state=power, launched_at="once", locked_by=""
        )
        badge = server_badge(row)
        assert badge.text
        assert badge.busy == (task is not None or vm == VmState.BUILDING)
        enabled = {button.name for button in buttons(member, row) if button.enabled}
        offered = {name for name in possible(vm, task) if ACTIONS[name].button} - {"unlock"}
        operators = {name for name in offered if ACTIONS[name].rule in OPERATORS}
        assert enabled == offered - operators
        assert buttons(reader, row) == []
        row.locked_by = "owner"
        assert {button.name for button in buttons(member, row) if button.enabled} == {"unlock"}
        found = {button.name for button in buttons(operator, row) if button.enabled}
        assert found == offered - {"lock"} | {"unlock"}
        row.locked_by = "admin"
        assert not any(button.enabled for button in buttons(member, row))
        found = {button.name for button in buttons(operator, row) if button.enabled}
        assert found == offered - {"lock"} | {"unlock"}
        row.launched_at, row.locked_by = None, ""
        assert {b.name for b in buttons(member, row) if b.enabled} <= {"delete", "lock"}
    for status in STATUSES:
        assert image_badge(cast(Any, SimpleNamespace(status=status))).text


def test_bars() -> None:
    limits = {"instances": 4, "cores": -1, "ram": 0, "key_pairs": 10}
    found = {bar.name: bar for bar in bars(Usage(limits, {"instances": 3, "cores": 9}))}
    assert (found["instances"].percent, found["instances"].left) == (75, 1)
    assert found["instances"].tone == "warning"
    assert (found["cores"].limit, found["cores"].left, found["cores"].percent) == (None, None, 0)
    assert found["ram"].tone == "danger"


def test_words() -> None:
    assert (size(0), size(1536), size(5 * 1024**3), mib(0)) == ("0 B", "1.5 KiB", "5 GiB", "0")
    assert step_text("claim_host") == "Choose a host"
    assert step_text("some_new_step") == "Some new step"
    assert took(None, None) == ""
