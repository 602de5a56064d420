"""The operators' pages of databases: what failed is found, and what is done to it goes by managers."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse

from cloudweb.database.clock import now
from databases.models import (
    Backup,
    DatabaseBackupSchedule,
    DatabaseInstance,
    DatastoreVersion,
    Failover,
    GuestAgent,
)
from databases.states import Task
from tests.builders.browsers import PASSWORD, browser_of, text_of
from tests.builders.databases import make_database_backup, make_datastores, make_instance
from tests.builders.identity import make_member

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]
DATABASES = "admin:databases_databaseinstance_changelist"
GUESTS = "admin:databases_guestagent_changelist"
FAILOVERS = "admin:databases_failover_changelist"
BACKUPS = "admin:databases_backup_changelist"
SCHEDULES = "admin:databases_databasebackupschedule_changelist"


@pytest.fixture
def operator() -> Client:
    return browser_of(make_member("admin", password=PASSWORD))


def test_versions_are_called_by_their_datastores(operator: Client) -> None:
    make_datastores()
    make_database_backup(make_instance(make_member("member")))
    versions = DatastoreVersion.objects.select_related("datastore")
    assert len(versions) > 1
    for page in (DATABASES, BACKUPS):
        words = text_of(operator.get(reverse(page)))
        for one in versions:
            assert f"{one.datastore.name} {one.name}" in words
            assert str(one.datastore_id) not in words


def press(operator: Client, page: str, action: str, key: object) -> None:
    body = {"action": action, "_selected_action": [str(key)], "sure": "yes"}
    assert operator.post(reverse(page), body).status_code == 302


def test_databases_that_need_a_look_are_found(operator: Client) -> None:
    user = make_member("member")
    make_instance(user, name="fine")
    failed = make_instance(user, name="broken", fault_at=now(), fault_message="No host.")
    hangs = make_instance(user, name="hangs", task=Task.REBOOT)
    agent = {"token_hash": "x", "token_until": now(), "reported_at": now() - timedelta(hours=1)}
    GuestAgent.objects.create(instance=hangs, version="0.9", **agent)
    for look, name in (("failed", "broken"), ("silent", "hangs")):
        page = text_of(operator.get(reverse(DATABASES), {"look": look}))
        assert name in page
        assert "fine" not in page
    shown = operator.get(
        reverse("admin:databases_databaseinstance_change", args=[failed.id]),
    )
    assert "No host." in text_of(shown)
    press(operator, DATABASES, "reset_status", hangs.id)
    assert DatabaseInstance.objects.get(id=hangs.id).fault_at is not None
    press(operator, DATABASES, "delete_database", failed.id)
    assert DatabaseInstance.objects.get(id=failed.id).task == Task.SHUTDOWN


def test_guests_tell_their_version_and_are_revoked(operator: Client) -> None:
    database = make_instance(make_member("member"))
    facts = {"token_hash": "x", "token_until": now(), "key": "sealed-key"}
    GuestAgent.objects.create(instance=database, version="0.9", reported_at=now(), **facts)
    page = text_of(operator.get(reverse(GUESTS)))
    assert "0.9" in page
    assert "lately" in page
    one = operator.get(reverse("admin:databases_guestagent_change", args=[database.id]))
    assert "sealed-key" not in one.content.decode()
    press(operator, GUESTS, "revoke", database.id)
    assert not GuestAgent.objects.exists()


def test_backups_of_all_projects_are_listed_and_deleted(operator: Client) -> None:
    instance = make_instance(make_member("member"))
    backup = make_database_backup(instance, fault_message="Broke off.", proof_fault="Cut off.")
    assert "Broke off." in text_of(operator.get(reverse(BACKUPS)))
    assert "Cut off." in text_of(operator.get(reverse(BACKUPS), {"proven": "fault"}))
    assert "Cut off." not in text_of(operator.get(reverse(BACKUPS), {"proven": "restored"}))
    press(operator, BACKUPS, "prove", backup.id)
    trial = text_of(operator.get(reverse(DATABASES), {"is_scratch__exact": "1"}))
    assert f"trial-of-{backup.id}" in trial
    press(operator, BACKUPS, "delete_backup", backup.id)
    assert Backup.objects.exists()  # an operation removes it
    schedule = {"name": "nightly", "interval": 24, "last_error": "no room"}
    DatabaseBackupSchedule.objects.create(instance=instance, project_id="p", **schedule)
    assert "no room" in text_of(operator.get(reverse(SCHEDULES)))


def test_a_failover_waits_for_a_humans_word(operator: Client) -> None:
    source = make_instance(make_member("member"), reported_at=now())
    row = Failover.objects.create(
        project_id=source.project_id,
        source_id=source.id,
        source_name=source.name,
        reason="Its guest has said nothing for 61 s.",
    )
    assert "61 s" in text_of(operator.get(reverse(FAILOVERS)))
    press(operator, FAILOVERS, "confirm_off", row.id)
    row.refresh_from_db()
    assert row.confirmed_at is None
    body = {"action": "confirm_off", "_selected_action": [str(row.id)], "reason": "unplugged"}
    assert operator.post(reverse(FAILOVERS), body).status_code == 302
    row.refresh_from_db()
    assert row.confirmed_at is None  # its guest speaks
    assert "was heard last at" in text_of(operator.get(reverse(FAILOVERS)))
    assert operator.post(reverse(FAILOVERS), {**body, "force": "on"}).status_code == 302
    row.refresh_from_db()
    assert row.confirmed_reason == "unplugged"
    shown = operator.get(reverse("admin:databases_failover_change", args=[row.id]))
    assert "unplugged" in text_of(shown)
