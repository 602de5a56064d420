"""Server groups in the dashboard: made, looked at, chosen at the launch, deleted."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.test import Client

from instances.models import Instance, ServerGroup
from tests.builders.browsers import PASSWORD, browser_of, text_of
from tests.builders.identity import make_member
from tests.builders.instances import Lab, lab

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Lab]:
    with lab(tmp_path) as made:
        yield made


@pytest.fixture
def member(home: Lab) -> Client:
    return browser_of(make_member("member", project=home.project, password=PASSWORD))


def test_a_group_s_life(home: Lab, member: Client) -> None:
    assert member.post("/server-groups/new", {"name": "", "policy": "affinity"}).status_code == 422
    made = member.post("/server-groups/new", {"name": "apart-1", "policy": "anti-affinity"})
    assert made.status_code == 302
    group = ServerGroup.objects.get()
    assert (group.name, group.policy, group.project_id) == (
        "apart-1",
        "anti-affinity",
        home.project.pk,
    )
    page = text_of(member.get("/servers/launch"))
    assert "Server group" in page
    answer = member.post(
        "/servers/launch",
        {
            "name": "one", "image": str(home.image.id), "flavor": home.flavor.id,
            "networks": [str(home.network.id)], "count": "1", "server_group": str(group.id),
        },
    )  # fmt: skip
    assert answer.status_code == 302
    assert Instance.objects.get().server_group == group
    page = text_of(member.get("/server-groups"))
    assert "Each on a host of its own" in page
    assert "one" in page
    assert "No server group is like that" in text_of(member.get("/server-groups?q=nothing"))
    stranger = browser_of(make_member("member", password=PASSWORD))
    assert "apart-1" not in text_of(stranger.get("/server-groups"))
    member.post("/server-groups", {"one": f"delete {group.id}", "agreed": "yes"})
    assert not ServerGroup.objects.exists()
    assert Instance.objects.get().server_group is None
