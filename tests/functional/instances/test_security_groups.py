"""Security groups put on a server and taken from it: all its ports, by name or id."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from instances.models import Instance
from network.manager import PortManager, SecurityGroupManager
from tests.builders.instances import Lab, lab

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Lab]:
    with lab(tmp_path) as made:
        yield made


def groups_of(home: Lab, server_id: str) -> list[str]:
    return sorted(one["name"] for one in home.show(server_id)["security_groups"])


def said(answer: Any) -> tuple[int, str]:
    (fault,) = answer.json().values()
    return answer.status_code, fault["message"]


def test_a_group_comes_and_goes_by_name_and_id(home: Lab) -> None:
    server_id = home.create()
    web = SecurityGroupManager(home.context).create(name="web")
    found = []
    for action, name in itertools.product(
        ("addSecurityGroup", "removeSecurityGroup"), ("web", str(web.id))
    ):
        answer = home.act(server_id, action, {"name": name})
        found.append((answer.status_code, answer.content[:20], groups_of(home, server_id)))
    assert found[:3] == [
        (202, b"", ["default", "web"]),
        (202, b"", ["default", "web"]),  # it is there: nothing changes
        (202, b"", ["default"]),
    ]
    assert found[3][0] == 404
    answer = home.act(server_id, "removeSecurityGroup", {"name": "web"})
    assert said(answer) == (
        404,
        f"Security group web not associated with the instance {server_id}",
    )


def test_what_is_no_group_and_servers_that_are_not_filtered(home: Lab) -> None:
    server_id = home.create()
    assert home.act(server_id, "addSecurityGroup", {"name": "none"}).status_code == 404
    assert [
        home.act(server_id, "addSecurityGroup", value).status_code
        for value in (None, {}, {"name": ""}, {"name": 7}, {"name": "a", "b": 1}, [])
    ] == [400] * 6
    (port,) = Instance.objects.get(id=server_id).port_ids
    PortManager(home.context).update(port, security_group_ids=[], port_security_enabled=False)
    status, words = said(home.act(server_id, "addSecurityGroup", {"name": "default"}))
    assert (status, "port_security_enabled" in words) == (400, True)


def test_a_change_by_another_at_the_same_time_is_kept(
    home: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    server_id = home.create()
    manager = SecurityGroupManager(home.context)
    for name in ("web", "theirs"):
        manager.create(name=name)
    update, others = PortManager.update, [manager.resolve("theirs", home.context.project_id or "")]

    def meanwhile(self: PortManager, port_id: Any, **changes: Any) -> Any:
        if others:
            ids = [others.pop().id, manager.resolve("default", home.context.project_id or "").id]
            update(self, port_id, security_group_ids=[str(one) for one in ids])
        return update(self, port_id, **changes)

    monkeypatch.setattr(PortManager, "update", meanwhile)
    assert home.act(server_id, "addSecurityGroup", {"name": "web"}).status_code == 202
    assert groups_of(home, server_id) == ["default", "theirs", "web"]
