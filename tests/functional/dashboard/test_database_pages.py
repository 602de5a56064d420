"""The pages of databases: launched, looked into, changed; what a state forbids is said."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from cloudweb.database.clock import now
from databases.models import (
    Backup,
    Configuration,
    DatabaseInstance,
    DatastoreVersion,
    FakeGuest,
    LogArchive,
)
from databases.states import OperatingStatus, Task
from identity.models import User
from tests.builders.browsers import PASSWORD, browser_of, said, text_of
from tests.builders.compute import make_flavor
from tests.builders.databases import (
    make_configuration,
    make_database_backup,
    make_fake_guest,
    make_instance,
)
from tests.builders.identity import make_member
from tests.drills.databases import lab_of_databases

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _fake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("databases.conf.GUESTS", "fake")


@pytest.fixture
def user() -> User:
    return make_member("member", password=PASSWORD)


@pytest.fixture
def browser(user: User) -> Client:
    return browser_of(user)


def shown_once(answer: Any) -> str:
    """Return the password that a page shows."""
    assert answer.headers["Cache-Control"] == "no-store"
    found = re.search(r'id="password-once">([^<]+)<', answer.content.decode())
    assert found
    return found[1]


def test_one_is_launched_and_backed_up_and_another_begins_with_that(tmp_path: Path) -> None:
    with lab_of_databases(tmp_path) as home:
        member = make_member("member", project=home.project, password=PASSWORD)
        client = browser_of(member)
        page = client.get("/databases/launch").content.decode()
        chosen = {
            name: re.search(rf'name="{name}"\s+value="([^"]+)"[^>]* checked', page)
            for name in ("version", "flavor", "network")
        }
        body = {name: found[1] for name, found in chosen.items() if found}
        body |= {"name": "shop", "size": "1", "database": "orders", "user": "clerk", "cidrs": ""}
        for wrong, why in (
            ({"size": "0"}, "greater than or equal to 1"),
            ({"size": "41"}, "quota"),
            ({"cidrs": "10.0.0.0/8, here"}, "here is no block"),
            ({"user": "", "password": "correct horse"}, "Whose password is it?"),
            ({"user": "root", "database": "a;b"}, "no database name"),
            ({"version": "x"}, "not there any more"),
        ):
            answer = client.post("/databases/launch", {**body, **wrong})
            assert answer.status_code == 422
            assert why in text_of(answer), wrong
        answer = client.post("/databases/launch", body)
        assert answer.status_code == 200
        assert len(shown_once(answer)) > 20
        database = DatabaseInstance.objects.get()
        url = f"/databases/{database.id}"
        building = text_of(client.get(f"{url}/contents"))
        assert "Not now: building goes on." in building
        home.cloud.settle()
        page = text_of(client.get(url))
        assert "Running" in page
        assert "The datastore serves" in page
        assert "source" not in page, "a step that had nothing to do"
        database.refresh_from_db()
        assert database.addresses[0] in page
        assert ("psql -h" in page) or ("mysql -h" in page)
        inside = text_of(client.get(f"{url}/contents"))
        assert f"clerk@{database.addresses[0]}" in inside
        client.post(f"{url}/backups/new", {"name": "night"})
        home.cloud.settle()
        backup = Backup.objects.get()
        link = f"/databases/launch?backup={backup.id}"
        assert link in client.get(f"{url}/backups").content.decode()
        assert link in client.get("/databases/backups").content.decode()
        again = {**body, "name": "again", "backup": str(backup.id), "database": "", "user": ""}
        assert client.post("/databases/launch", again).status_code == 302
        assert DatabaseInstance.objects.get(name="again").restored_from == backup.id


def test_one_goes_to_a_newer_version_of_its_release_alone(browser: Client, user: User) -> None:
    database = make_instance(user)
    make_fake_guest(database)
    facts: dict[str, Any] = {"datastore": database.version.datastore, "manager": "postgresql"}
    url = f"/databases/{database.id}"
    for name in ("16", "14.1", "next"):
        DatastoreVersion.objects.create(name=name, number=name, **facts)
    DatastoreVersion.objects.create(name="15.8", number="15.8", active=False, **facts)
    assert f"{url}/upgrade" not in browser.get(url).content.decode()
    newer = DatastoreVersion.objects.create(name="15.9", number="15.9", **facts)
    page = browser.get(url).content.decode()
    assert re.findall(r'<option value="([^"]+)"', page) == [str(newer.id)]
    assert "goes back to the one of now by itself" in page
    other = DatastoreVersion.objects.get(name="16")
    assert browser.post(f"{url}/upgrade", {"version": str(other.id)}).status_code == 422
    assert browser.post(f"{url}/upgrade", {"version": str(newer.id)}).status_code == 302
    assert "Upgrading" in text_of(browser.get(url))
    assert (
        browser.post(f"{url}/upgrade", {"version": str(newer.id)}).status_code == 422
    )  # not twice


def test_a_size_with_less_disk_is_not_offered(browser: Client, user: User) -> None:
    now_, more, less = (make_flavor(f"m1.of-{disk}", disk=disk) for disk in (5, 6, 4))
    url = f"/databases/{make_instance(user, flavor_id=now_.id).id}/size"
    offered = re.findall(r'name="flavor"\s+value="([^"]+)"', browser.get(url).content.decode())
    assert more.id in offered
    assert not {now_.id, less.id} & set(offered)


def test_the_overview_has_bars_of_databases_once_there_is_one(browser: Client, user: User) -> None:
    assert "Disk space of databases" not in text_of(browser.get("/"))
    make_database_backup(make_instance(user, volume_size=3))
    page = text_of(browser.get("/"))
    for bar in (
        "Databases 1 of 10",
        "Disk space of databases 3 GiB of 40",
        "Database backups 1 of 50",
    ):
        assert bar in page


def test_what_is_inside_is_changed(browser: Client, user: User) -> None:
    database = make_instance(user)
    guest = make_fake_guest(database)
    url = f"/databases/{database.id}/contents"
    browser.post(f"{url}/databases", {"name": "d2"})
    word = shown_once(browser.post(f"{url}/users", {"name": "u2", "database": "d2"}))
    assert len(word) > 20
    assert browser.post(f"{url}/users", {"name": "u3", "password": "short"}).status_code == 422
    assert browser.post(f"{url}/databases", {"name": "postgres"}).status_code == 422
    browser.post(f"{url}/do/grant", {"user": "u1", "database": "d2"})
    browser.post(f"{url}/do/revoke", {"user": "u1", "database": "d1"})
    guest.refresh_from_db()
    assert guest.state["users"]["u1@%"]["databases"] == ["d2"]
    assert shown_once(browser.post(f"{url}/password", {"user": "u1"})) != word
    assert len(shown_once(browser.post(f"{url}/root"))) > 20
    assert word not in browser.get(url).content.decode()
    told = browser.post(f"{url}/do/disable_root", follow=True)
    assert "Root is let in no more." in text_of(told)
    browser.post(f"{url}/do/drop_user", {"user": "u2"})
    browser.post(f"{url}/do/drop_database", {"database": "d1"})
    guest.refresh_from_db()
    assert ([*guest.state["users"]], [*guest.state["databases"]]) == (["u1@%"], ["d2"])
    for path, body in (
        ("do/nothing", {}),
        ("do/drop_user", {"user": "nobody"}),
        ("do/revoke", {"user": "u1", "database": "d9"}),
        ("password", {"user": "nobody"}),
    ):
        assert browser.post(f"{url}/{path}", body).status_code == 404, path


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        ({"task": Task.REBOOT}, "Not now: restarting goes on."),
        ({"task": Task.SHUTDOWN}, "Not now: deleting goes on."),
        (
            {"fault_at": now(), "fault_message": "No host has room."},
            "all that is left is to delete",
        ),
    ],
)
def test_what_its_state_forbids_is_grey_and_says_why(
    browser: Client, user: User, facts: dict[str, Any], why: str
) -> None:
    database = make_instance(user, **facts)
    url = f"/databases/{database.id}"
    for tab in ("", "/backups", "/replicas", "/settings", "/size"):
        page = browser.get(url + tab).content.decode()
        buttons = re.findall(r"<button[^>]* disabled title=\"([^\"]+)\"", page)
        assert any(why in one for one in buttons), tab
    for path, body in (
        ("/do/restart", {}),
        ("/size/volume", {"size": "5"}),
        ("/backups/new", {"name": "b"}),
        ("/settings/choose", {"configuration": ""}),
        ("/replicas/failover", {"automatic": "on", "after": "60"}),
        ("/replicas/new", {"name": "r"}),
        ("/contents/root", {}),
    ):
        answer = browser.post(url + path, body, headers={"HX-Request": "true"})
        assert answer.status_code == 422, path
    assert DatabaseInstance.objects.count() == 1


def test_a_source_with_replicas_stays_and_is_replaced_once_it_failed(
    browser: Client, user: User
) -> None:
    source = make_instance(user)
    make_instance(user, name="copy", replica_of=source)
    url = f"/databases/{source.id}"
    page = browser.get(f"{url}/replicas").content.decode()
    assert "It stays while replicas follow it: delete or detach them first." in page
    assert "It serves: promote a replica instead." in page
    assert "No replica takes over by itself." in page
    assert "target_session_attrs=read-write" in browser.get(url).content.decode()
    back = {"Referer": f"http://testserver{url}"}
    assert "It has replicas" in said(browser.post(f"{url}/do/delete", headers=back))[0]
    DatabaseInstance.objects.filter(id=source.id).update(operating_status=OperatingStatus.FAILED)
    assert browser.post(f"{url}/do/eject").status_code == 302
    source.refresh_from_db()
    assert source.task == Task.EJECT


def test_settings_are_written_and_taken(browser: Client, user: User) -> None:
    kept = make_configuration(user)
    url = f"/databases/settings/{kept.id}"
    wrong = browser.post(url, {"work_mem": "1"})
    assert wrong.status_code == 422
    assert "must be at least 64" in text_of(wrong)
    assert browser.post(url, {"max_connections": "50", "log_connections": "off"}).status_code == 302
    assert Configuration.objects.get().values == {"max_connections": 50, "log_connections": False}
    database = make_instance(user)
    make_fake_guest(database)
    page = f"/databases/{database.id}/settings"
    assert browser.post(f"{page}/choose", {"configuration": str(kept.id)}).status_code == 302
    shown = text_of(browser.get(page))
    assert "Counts from a restart on." in shown
    assert database.name in text_of(browser.get(url))
    strange = make_configuration(make_member("member"), name="strange")
    answer = browser.post(f"{page}/choose", {"configuration": str(strange.id)})
    assert answer.status_code == 422


def test_a_watched_page_costs_nothing_while_it_stays_and_leaves_when_it_goes(
    browser: Client, user: User
) -> None:
    database = make_instance(user)
    url = f"/databases/{database.id}"
    htmx = {"HX-Request": "true"}
    tag = browser.get(url, headers=htmx).headers["ETag"]
    assert browser.get(url, headers={**htmx, "If-None-Match": tag}).status_code == 304
    database.delete()
    assert browser.get(url, headers=htmx).headers["HX-Redirect"] == "/databases"


def test_a_backup_outlives_its_database_and_lists_say_so(browser: Client, user: User) -> None:
    database = make_instance(user)
    backup = make_database_backup(database)
    url = f"/databases/{database.id}"
    make_fake_guest(database)
    assert said(browser.post(f"{url}/backups/log", {"enabled": "1"}, follow=True)) == [
        "Its log is kept from now on."
    ]
    LogArchive.objects.get().pieces.create(
        number=1, run="a", begins=0, ends=1 << 40, until=now(), size=9, draw="a", checksum="a"
    )
    Backup.objects.update(position="1/0", taken_at=now() - timedelta(minutes=3))
    Backup.objects.update(created_at=now() - timedelta(minutes=4), volume_size=7)
    assert f"launch?of={database.id}" in browser.get(f"{url}/backups").content.decode()
    page = browser.get(f"/databases/launch?of={database.id}").content.decode()
    assert "data-moment" in page
    assert 'value="7"' in page  # as large as what it begins with
    begun = re.search(r'min="([^"]+)"\s+max="[^"]+"\s+value="[^"]+"', page)
    assert begun
    chosen = {"copy_of": str(database.id), "moment": "2001-01-01T00:00:00"}
    body = {"name": "then", "size": "1", "cidrs": "", **chosen}
    for moment, why in (("x", "Write a moment"), ("", "Choose a moment")):
        answer = browser.post("/databases/launch", {**body, "moment": moment})
        assert (answer.status_code, why in text_of(answer)) == (422, True)
    weekly = {"name": "weekly", "interval": "168", "full_every": "4", "keep_last": "3"}
    weekly |= dict.fromkeys(("keep_daily", "keep_weekly", "keep_monthly"), "0")
    wrong = browser.post(f"{url}/schedules/new", {**weekly, "keep_last": "0"})
    assert wrong.status_code == 422
    answer = browser.post(f"{url}/schedules/new", weekly, follow=True)
    assert said(answer) == ["weekly begins with a backup now."]
    assert "keeps the last 3" in text_of(answer)
    there = f"{url}/schedules/{database.backup_schedules.get().id}"
    assert 'value="168" selected' in browser.get(f"{there}/edit").content.decode()
    browser.post(f"{there}/edit", {**weekly, "interval": "24"})
    browser.post(f"{there}/pause")
    assert "Every day · paused" in text_of(browser.get(f"{url}/backups"))
    browser.post(f"{there}/resume", follow=True)
    answer = browser.post(f"{there}/delete", follow=True)
    assert said(answer) == ["The schedule is ended. Its backups stay."]
    Backup.objects.update(proof_fault="It is cut off.")
    shown = text_of(browser.get(f"{url}/backups"))
    assert "Cannot be restored" in shown
    assert "It is cut off." in shown
    answer = browser.post(f"{url}/backups/{backup.id}/prove", follow=True)
    assert said(answer) == ["The backup is being restored on trial."]
    FakeGuest.objects.all().delete()
    database.delete()
    assert "gone" in text_of(browser.get("/databases/backups"))
    assert "Cannot be restored" in text_of(browser.get("/databases/backups"))
    answer = browser.post("/databases/backups", {"one": f"delete {backup.id}", "agreed": "1"})
    assert answer.status_code == 302
