"""The pages on which a server is rebuilt or rescued from a chosen image, with a password of its user's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.test import Client

from cloudweb.encryption import decrypt
from instances.models import Instance, Migration
from tests.builders.browsers import PASSWORD, browser_of, text_of
from tests.builders.identity import make_member
from tests.builders.images import RAW, make_image
from tests.builders.instances import Lab, lab
from tests.builders.servers import give_migration, make_server

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Lab]:
    with lab(tmp_path) as made:
        yield made


@pytest.fixture
def member(home: Lab) -> Client:
    return browser_of(make_member("member", project=home.project, password=PASSWORD))


@pytest.mark.parametrize(("action", "shown"), [("rebuild", "active"), ("rescue", "rescued")])
def test_an_image_and_a_password_are_chosen(
    home: Lab, member: Client, action: str, shown: str
) -> None:
    server, other = home.create(), make_image(context=home.context, data=RAW, name="other")
    path = f"/servers/{server}/{action}"
    page = text_of(member.get(path))
    assert "other" in page
    assert "Password of its administrator" in page
    assert path in member.get(f"/servers/{server}").content.decode()
    for wrong in ("none", "00000000-0000-4000-8000-000000000001"):
        refused = member.post(path, {"image": wrong, "password": "p"})
        assert refused.status_code == 422
        assert "image" in text_of(refused).lower()
    said = {"image": str(other.id), "password": "sesame"}
    assert member.post(path, said).url == f"/servers/{server}"
    row = Instance.objects.get(id=server)
    if action == "rebuild":
        assert (row.image_id, decrypt(row.admin_password)) == (str(other.id), "sesame")
    else:
        assert (row.rescue_image_id, decrypt(row.rescue_password)) == (str(other.id), "sesame")
    home.cloud.settle()
    row.refresh_from_db()
    assert row.vm_state == shown
    assert member.post(path, {}).status_code == (422 if action == "rescue" else 302)


def test_operators_decide_about_migrations(home: Lab) -> None:
    operator = browser_of(make_member("admin", password=PASSWORD))
    waits = make_server(home.user, vm_state="resized", host="h1")
    give_migration(make_server(home.user), status="reverted")
    path = "/admin/instances/migration/"
    assert str(waits.id) in operator.get(path).content.decode()
    assert b"reverted" in operator.get(f"{path}?q={waits.id}&status__exact=finished").content
    one = Migration.objects.get(instance=waits)
    said = {"action": "confirm", "_selected_action": [one.pk], "sure": "yes"}
    answer = operator.post(path, said, follow=True)
    assert answer.status_code == 200
