"""The page on which a server gets another size: what is offered, what is in the way, what happens."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.test import Client

from identity import quotas
from instances.models import Instance
from tests.builders.browsers import PASSWORD, browser_of, text_of
from tests.builders.compute import make_flavor
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


def test_sizes_are_compared_and_one_is_taken(home: Lab, member: Client) -> None:
    server = Instance.objects.get(id=home.create())
    larger = make_flavor(
        "larger", vcpus=server.vcpus + 1, ram=server.ram + 1024, disk=server.disk + 1
    )
    if server.disk:
        make_flavor("flat", vcpus=1, ram=64, disk=server.disk - 1)
    path = f"/servers/{server.id}/resize"
    page = text_of(member.get(path))
    assert "(+1)" in page
    assert "(+1 GiB)" in page
    assert "It has this size." in page
    assert not server.disk or "A disk does not shrink." in page
    assert "Resize" in text_of(member.get(f"/servers/{server.id}"))
    quotas.update(home.project.pk, "compute", {"cores": 1})
    refused = member.post(path, {"flavor": larger.id})
    assert refused.status_code == 422
    assert "Quota exceeded for cores" in text_of(refused)
    assert member.post(path, {"flavor": "no such"}).status_code == 422
    quotas.update(home.project.pk, "compute", {"cores": -1})
    assert member.post(path, {"flavor": larger.id}).url == f"/servers/{server.id}"
    home.cloud.settle()
    server.refresh_from_db()
    assert (server.vm_state, server.flavor_id) == ("resized", larger.id)
    page = text_of(member.get(f"/servers/{server.id}"))
    assert "Confirm resize" in page
    assert "Revert resize" in page
