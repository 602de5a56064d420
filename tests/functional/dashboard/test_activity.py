"""Activity and the audit log tell what became of what was accepted, by the names of things."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.test import Client

from audit.models import Record
from identity.models import User
from operations.models import Operation
from tests.builders.browsers import PASSWORD, browser_of, text_of
from tests.builders.identity import make_member, make_user
from tests.builders.instances import Lab, lab
from tests.functional.audit.test_records_api import make_record

pytestmark = pytest.mark.django_db(transaction=True)
ADMIN = "/admin/audit/record/"


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Lab]:
    with lab(tmp_path) as made:
        yield made


@pytest.fixture
def user(home: Lab) -> User:
    return make_member("member", project=home.project, password=PASSWORD)


def row_of(client: Client, page: str, action: str) -> str:
    """Return the words of the newest line about an action."""
    found = client.get(page).content.decode()
    lines = [line for line in re.findall(r"<tr\b.*?</tr>", found, re.S) if action in line]
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", lines[0]))


def test_what_was_accepted_is_followed_to_its_end(home: Lab, user: User) -> None:
    member = browser_of(user)
    operator = browser_of(make_member("admin", password=PASSWORD))
    server_id = home.create()
    member.post(f"/servers/{server_id}/stop")
    for client, page in ((member, "/activity"), (operator, ADMIN)):
        said = row_of(client, page, "Stop server")
        assert "Under way Accepted, at work for" in said
        assert "vm1" in said
    home.cloud.settle()
    for client, page in ((member, "/activity"), (operator, ADMIN)):
        assert "Done Accepted, done in" in row_of(client, page, "Stop server")
    assert home.project.name in row_of(operator, ADMIN, "Stop server")

    home.guests["h1"].ram = 1
    home.cloud.report()
    home.cloud.pump()
    home.create(name="too-big")
    said = row_of(member, "/activity", "Create server")
    assert "Failed Accepted, failed after" in said
    assert "No host has room for it." in said
    Operation.objects.all().delete()  # as the house-keeping does one day
    assert "Accepted" in row_of(member, "/activity", "Create server")
    assert "Done" not in row_of(member, "/activity", "Create server")


def test_a_request_id_that_was_made_up_tells_nothing_of_others(home: Lab, user: User) -> None:
    server_id = home.create()
    started = Operation.objects.get(resource_id=server_id)
    stranger = make_member("member", password=PASSWORD)
    make_record(
        project_id=stranger.default_project_id, action="compute:servers:stop", outcome="refused",
        target_kind="server", target_id=server_id, request_id=started.request_id,
    )  # fmt: skip
    said = row_of(browser_of(stranger), "/activity", "Stop server")
    assert "Refused" in said
    assert "Accepted" not in said
    assert "vm1" not in said


def test_targets_have_names(home: Lab, user: User) -> None:
    manager = make_member("manager", project=home.project, password=PASSWORD)
    boss, newcomer = browser_of(manager), make_user(name="newcomer")
    boss.post("/members/add", {"user_name": "newcomer", "role": "reader"})
    assert "newcomer: reader" in row_of(boss, "/activity", "Add member")
    boss.post("/members", {"one": f"dismiss {newcomer.pk}", "agreed": "yes"})
    assert "newcomer" in row_of(boss, "/activity", "Remove member")
    boss.post("/key-pairs/new", {"name": "laptop"})
    record = Record.objects.get(action="compute:keypairs:create")
    assert (record.target_id, record.target_name, record.reason) == ("laptop", "laptop", "")
    network = home.client.send("POST", "/network/v2.0/networks", {"network": {"name": "lan"}})
    home.client.send("DELETE", f"/network/v2.0/networks/{network.json()['network']['id']}")
    assert "lan" in row_of(boss, "/activity", "Delete network")
    home.client.send("POST", f"/image/v2/images/{home.image.id}/actions/deactivate")
    [group] = home.client.send("GET", "/network/v2.0/security-groups").json()["security_groups"]
    rule = {"security_group_id": group["id"], "direction": "ingress", "protocol": "tcp"}
    home.client.send("POST", "/network/v2.0/security-group-rules", {"security_group_rule": rule})
    assert "default" in row_of(boss, "/activity", "Create security group rule")
    page = text_of(boss.get("/activity"))
    assert str(home.image.id) not in page
    assert network.json()["network"]["id"] not in page


def test_no_policys_name_is_shown(home: Lab) -> None:
    reader = browser_of(make_member("reader", project=home.project, password=PASSWORD))
    reader.post(f"/servers/{home.create()}/stop")
    said = row_of(reader, "/activity", "Stop server")
    assert "Your role does not allow this." in said


def test_tokens_are_folded_away(home: Lab, user: User) -> None:
    operator_user = make_member("admin", password=PASSWORD)
    make_record(project_id=home.project.pk, action="identity:tokens:issue", user_name="robot")
    make_record(
        action="identity:tokens:issue", user_name="intruder", outcome="refused", reason="Wrong."
    )
    make_record(user_id=str(user.pk), action="identity:tokens:issue")
    operator = browser_of(operator_user)
    folded = text_of(operator.get(ADMIN))
    assert "robot" not in folded
    assert "intruder" in folded
    assert "robot" in text_of(operator.get(f"{ADMIN}?tokens=shown"))
    assert "robot" in text_of(operator.get(f"{ADMIN}?action=identity:tokens:issue"))
    assert "robot" not in text_of(browser_of(user).get("/activity"))
    assert "Log in by API" not in text_of(browser_of(user).get("/account"))


def test_times_have_a_date_and_a_zone(home: Lab, user: User) -> None:
    make_record(project_id=home.project.pk, user_name="ann", created_at="2026-03-01T09:05:07Z")
    page = browser_of(user).get("/activity").content.decode()
    assert re.search(
        r'<time datetime="2026-03-01T09:05:07\+00:00" data-time="full"[^>]*>1 Mar 2026, 09:05 UTC<',
        page,
    )
    for path in ("/", "/servers", "/activity", "/images", "/account", "/key-pairs"):
        assert "<time" not in re.sub(
            r"<time datetime=\"[^\"]+\" data-time", "", browser_of(user).get(path).content.decode()
        ), path


def test_operators_read_date_and_zone(home: Lab) -> None:
    operator = browser_of(make_member("admin", password=PASSWORD))
    page = text_of(operator.get(f"/admin/image/image/{home.image.id}/change/"))
    assert re.search(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC", page)
