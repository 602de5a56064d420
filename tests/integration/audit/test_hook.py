"""What leaves a record, what does not, and that a record never decides over a change."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from audit.models import Record
from cloudweb import audit
from cloudweb.context import RequestContext
from cloudweb.exceptions import Conflict, InvalidInput, PolicyNotAuthorized, QuotaExceeded
from cloudweb.policy import READS, RULES, policy

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db(transaction=True)]
CALLER = RequestContext(
    request_id="req-1",
    user_id="u1",
    user_name="ann",
    user_domain_id="default",
    project_id="p1",
    remote_address="192.0.2.7",
)


class Thing:
    """What a create returns."""

    pk = "t1"
    name = "first"


class Things:
    """A manager in all but its base, so that no promise about managers meets it."""

    def __init__(self, context: RequestContext) -> None:
        self.context = context

    @policy("network:things:create")
    def create(self, *, name: str = "wanted", error: Exception | None = None) -> Thing:
        """Make one, or fail."""
        if error is not None:
            raise error
        return Thing()

    @policy("network:things:create")
    def create_many(self) -> list[Thing]:
        """Make three."""
        return [self.create(), self.create(), self.create()]

    @policy("network:things:create")
    def create_as(self, wanted: Thing) -> None:
        """Fail to make what is asked for whole."""
        raise QuotaExceeded

    @policy("network:things:delete")
    def delete(self, thing_id: str) -> None:
        """Change it, then remove it: one thing to whoever asked."""
        self.create(name="inner")

    @policy("network:things:get")
    def get(self, thing_id: str) -> Thing:
        """Make what is missing, as the default security group is."""
        return self.create()

    @policy("network:things:steer")
    def steer(self, secret: str) -> str:
        """Take something that names no thing."""
        return secret


@pytest.fixture(autouse=True)
def _declared(monkeypatch: pytest.MonkeyPatch) -> None:
    for action in ("create", "delete", "get", "steer"):
        monkeypatch.setitem(RULES, f"network:things:{action}", lambda context: True)
    monkeypatch.setattr("cloudweb.policy.READS", READS | {"network:things:get"})


@contextmanager
def from_dashboard() -> Iterator[None]:
    with audit.visit(origin="dashboard", request_id="req-2", remote_address="192.0.2.9"):
        yield


def only() -> Record:
    """Return the one record there is."""
    return Record.objects.get()


def test_a_change_leaves_one_record_in_one_statement() -> None:
    with CaptureQueriesContext(connection) as asked:
        Things(CALLER).create(name="wanted")
    assert len(asked) == 1
    row = only()
    assert (row.action, row.outcome, row.status) == ("network:things:create", "success", None)
    assert (row.user_id, row.user_name, row.user_domain_id) == ("u1", "ann", "default")
    assert (row.project_id, row.remote_address, row.request_id) == ("p1", "192.0.2.7", "req-1")
    assert (row.target_kind, row.target_id, row.target_name) == ("thing", "t1", "wanted")
    assert row.origin == ""


def test_what_is_asked_for_whole_has_its_name_there() -> None:
    with pytest.raises(QuotaExceeded):
        Things(CALLER).create_as(Thing())
    assert (only().target_id, only().target_name) == ("", "first")


def test_where_it_came_from() -> None:
    with from_dashboard():
        Things(RequestContext(user_id="u1")).create()
    row = only()
    assert (row.origin, row.request_id, row.remote_address) == ("dashboard", "req-2", "192.0.2.9")


def test_calls_inside_a_call_leave_none_of_their_own() -> None:
    Things(CALLER).delete("t9")
    assert (only().action, only().target_id) == ("network:things:delete", "t9")


def test_many_of_a_kind_are_one_record() -> None:
    Things(CALLER).create_many()
    assert (only().target_id, only().reason) == ("t1", "and 2 more")


@pytest.mark.parametrize("context", [RequestContext.system(), CALLER], ids=["system", "reader"])
def test_reads_and_the_cloud_itself_leave_none(context: RequestContext) -> None:
    if context.is_system:
        Things(context).delete("t9")
    Things(context).get("t9")
    assert not Record.objects.exists()


def test_what_names_no_thing_is_not_kept() -> None:
    Things(CALLER).steer("swordfish")
    assert "swordfish" not in str(Record.objects.values().get())


def test_a_refusal_by_policy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(RULES, "network:things:delete", lambda context: False)
    with pytest.raises(PolicyNotAuthorized):
        Things(CALLER).delete(thing_id="t9")
    row = only()
    assert (row.outcome, row.code, row.status) == ("refused", "policy_not_authorized", 403)
    assert (row.target_id, row.reason) == ("t9", "rule:delete_thing is disallowed by policy")


@pytest.mark.parametrize(
    ("error", "outcome", "status", "reason"),
    [
        (Conflict("Not now.", detail="inner words"), "refused", 409, "Not now."),
        (QuotaExceeded("Too many."), "refused", 409, "Too many."),  # network's own status
        (ValueError("inner"), "failed", 500, "The cloud met an unexpected condition."),
        (
            InvalidInput(field="password", value="swordfish", reason="Too short."),
            "refused",
            400,
            "Invalid input for field/attribute password. Too short.",
        ),
    ],
    ids=["refused", "quota", "bug", "without the value"],
)
def test_what_went_wrong_in_words_that_are_safe(
    error: Exception, outcome: str, status: int, reason: str
) -> None:
    with pytest.raises(type(error)):
        Things(CALLER).create(error=error)
    row = only()
    assert (row.outcome, row.status, row.reason) == (outcome, status, reason)


def test_inside_a_transaction_it_waits_for_the_commit() -> None:
    with from_dashboard():
        with transaction.atomic():
            Things(CALLER).create()
            assert not Record.objects.exists()
        assert only().outcome == "success"
    assert only().outcome == "success"


def test_what_was_rolled_back_is_no_success() -> None:
    with from_dashboard():
        with transaction.atomic():
            Things(CALLER).create()
            transaction.set_rollback(True)
        assert not Record.objects.exists()
    assert (only().outcome, only().code) == ("failed", "undone")


def test_a_refusal_outlives_the_rollback() -> None:
    with from_dashboard(), pytest.raises(Conflict), transaction.atomic():
        Things(CALLER).create(error=Conflict("Not now."))
    assert (only().outcome, only().reason) == ("refused", "Not now.")


def test_a_record_that_cannot_be_written_changes_no_answer(
    settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settings.CLOUDWEB_AUDIT = f"{__name__}.no_such_recorder"
    with caplog.at_level(logging.ERROR):
        assert Things(CALLER).create().name == "first"
    assert "an audit record could not be written" in caplog.text
    assert "network:things:create" in caplog.text


def test_texts_fit_whatever_is_sent() -> None:
    long = "\0" + "x" * 300
    Things(RequestContext(user_id="u1", user_name="\udcff" + long)).delete(long)
    row = only()
    assert len(row.target_id) == 255
    assert row.target_id.endswith("x…")
    assert row.user_name.startswith("?xx")


def test_a_line_for_those_who_collect_logs(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="cloudweb.audit"), pytest.raises(Conflict):
        Things(CALLER).create(error=Conflict("Not now."))
    (line,) = [entry.msg for entry in caplog.records if entry.name == "cloudweb.audit"]
    assert line["event"] == "audit"
    assert (line["action"], line["outcome"]) == ("network:things:create", "failure")
    assert line["initiator"]["host"] == {"address": "192.0.2.7"}
    assert line["reason"]["reasonCode"] == "409"
    assert line["id"] == str(only().id)
