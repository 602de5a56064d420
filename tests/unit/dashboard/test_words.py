"""What managers say, in the words of a page."""

from __future__ import annotations

import pytest

from cloudweb.exceptions import PolicyNotAuthorized
from dashboard.components.status import power_text
from dashboard.components.words import in_words, spoken
from image.inspection import inspect_file
from instances.exceptions import InstanceInvalidState
from instances.manager.key_pair import fingerprint_of
from instances.states import PowerState, TaskState, VmState


def test_no_policys_name_reaches_a_page() -> None:
    for policy in (
        "compute:servers:stop",
        "network:ports:list",
        "network:security_groups:create",
        "identity:members:add",
        "image:images:publicize",
        "audit:records:list",
    ):
        assert spoken(PolicyNotAuthorized(policy)) == "Your role does not allow this."


def test_states_are_said_as_people_say_them() -> None:
    def said(attr: str, state: str) -> str:
        return spoken(InstanceInvalidState("stop", "0f1f88ce", attr=attr, state=state))

    assert said("vm_state", "active") == "Not possible while the server is running."
    assert said("task_state", "powering-off") == "Not possible now: the server is stopping."
    for attr, states in (("vm_state", VmState.values), ("task_state", TaskState.values)):
        for state in states:
            assert said(attr, state).startswith("Not possible"), state
    assert {power_text(state) for state in PowerState.values} == {
        "Off", "Running", "Paused", "Crashed", "Suspended",
    }  # fmt: skip


def test_other_sentences() -> None:
    with pytest.raises(Exception, match="fingerprint") as raised:
        fingerprint_of("hello")
    assert in_words(str(raised.value)) == "This is not an SSH public key."
    assert in_words("No valid host was found. Of 2 hosts, 2 are down.").startswith(
        "No host has room for it. Of 2"
    )
    assert in_words("The disk is made of cheese.") == "The disk is made of cheese."


def test_a_wrong_format_says_which_to_choose(tmp_path: object) -> None:
    import io

    def refused(data: bytes, declared: str) -> str:
        with pytest.raises(Exception, match="refused") as raised:
            inspect_file(
                io.BytesIO(data), disk_format=declared, container_format="bare",
                max_virtual_size=2**40,
            )  # fmt: skip
        return in_words(str(raised.value))

    assert refused(b"\x01" * 4096, "qcow2") == "This looks like a raw disk; choose raw."
    vdi = b"<<< Oracle VM VirtualBox Disk Image >>>\n".ljust(64, b"\0") + b"\x7f\x10\xda\xbe"
    assert refused(vdi.ljust(8192, b"\0"), "qcow2") == "This looks like vdi; choose vdi."
