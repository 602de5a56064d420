"""Prepared statements answer and write as querysets do, and build nothing a second time."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import BooleanField, Case, Exists, F, IntegerField, OuterRef, Value, When
from django.db.models.functions import Greatest
from django.db.models.sql import Query
from django.test.utils import CaptureQueriesContext

from cloudweb.database.clock import now
from cloudweb.database.prepared import (
    Given,
    Prepared,
    PreparedDelete,
    PreparedUpdate,
    insert,
    write_whole,
)
from operations.models import Hold, Operation, Service, Step

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]


def make_operation(**overrides: Any) -> Operation:
    values = {
        "kind": "test.prepared",
        "resource_type": "thing",
        "resource_id": uuid.uuid4().hex,
        "args": {"size": 1, "words": ["a", None]},
        "deadline_at": now() + timedelta(hours=1),
    }
    return Operation.objects.create(**values | overrides)


def make_step(operation: Operation, seq: int = 0, **overrides: Any) -> Step:
    return Step.objects.create(operation=operation, seq=seq, name="one", **overrides)


def facts(row: Any) -> dict[str, Any]:
    return {name: value for name, value in vars(row).items() if name[0] != "_"}


def test_questions_are_answered_as_a_queryset_answers_them() -> None:
    first, second = make_operation(project_id="p1", next_at=now()), make_operation()
    for operation in (first, second):
        make_step(operation, 10, result={"a": [1]}, final=True)
        make_step(operation, 0)

    def steps(operation: Any) -> Any:
        return Step.objects.filter(operation=operation).select_related("operation").order_by("seq")

    def marked(project: Any) -> Any:
        later = Step.objects.filter(operation=OuterRef("id"), seq__gt=5)
        word = Case(When(project_id=project, then=Value(True)), default=Value(False))
        return Operation.objects.annotate(late=Exists(later), mine=word).order_by("-project_id")

    prepared = Prepared(lambda: steps(Given("operation")))
    for operation in (first, second):
        found, wanted = prepared.rows(operation=operation.id), list(steps(operation))
        assert [facts(row) for row in found] == [facts(row) for row in wanted]
        with CaptureQueriesContext(connection) as asked:
            assert {row.operation.args["size"] for row in found} == {1}
        assert not asked.captured_queries
    assert prepared.row(operation=uuid.uuid4()) is None
    mine = Given("project", Operation._meta.get_field("project_id"))
    assert [facts(row) for row in Prepared(lambda: marked(mine)).rows(project="p1")] == [
        facts(row) for row in marked("p1")
    ]
    columns = ("id", "args", "next_at", "mine")
    values = Prepared(lambda: marked(mine).values_list(*columns)).rows(project="")
    assert values == list(marked("").values_list(*columns))
    flat = Prepared(lambda: Operation.objects.filter(id=Given("id")).values_list("id", flat=True))
    assert flat.rows(id=first.id) == [first.id]


def test_writes_change_what_querysets_change() -> None:
    operation, other = make_operation(epoch=3), make_operation(epoch=3)
    write = PreparedUpdate(
        lambda: Operation.objects.filter(id=Given("id"), epoch=Given("was")),
        *("args", "next_at", "preempted_by"),
        epoch=Greatest(F("epoch") + Given("more", IntegerField()), 1),
    )
    moment = now()
    changes = {"args": {"b": None}, "next_at": moment, "preempted_by": other.id}
    assert write(id=operation.id, was=4, more=1, **changes) == 0
    assert write(id=operation.id, was=3, more=1, **changes) == 1
    operation.refresh_from_db()
    assert (operation.args, operation.next_at) == ({"b": None}, moment)
    assert (operation.preempted_by_id, operation.epoch) == (other.id, 4)
    assert write(id=operation.id, was=4, more=-9, args={}, next_at=None, preempted_by=None) == 1
    operation.refresh_from_db()
    assert (operation.next_at, operation.preempted_by_id, operation.epoch) == (None, None, 1)
    other.refresh_from_db()
    assert other.epoch == 3


def test_rows_are_added_written_whole_and_deleted() -> None:
    operation = Operation(
        kind="k", resource_type="t", resource_id="r", deadline_at=now(), args={"a": 1}
    )
    insert(operation)
    assert facts(Operation.objects.get(id=operation.id)) == facts(operation)
    insert(*(Hold(operation=operation, resource_type="t", resource_id=key) for key in "abc"))
    with pytest.raises(IntegrityError), transaction.atomic():
        insert(Hold(operation=operation, resource_type="t", resource_id="a"))
    again = [Hold(operation=operation, resource_type="t", resource_id=key) for key in "bd"]
    assert insert(*again, ignore_conflicts=True) == 1
    step = Step(operation=operation, seq=0, name="one")
    write_whole(step)
    assert step.pk
    step.result, step.heard_at, step.final = [1, {"b": None}], now(), True
    write_whole(step)
    assert facts(Step.objects.get(pk=step.pk)) == facts(step)
    let_go = PreparedDelete(lambda: Hold.objects.filter(operation=Given("operation")))
    assert (let_go(operation=operation.id), let_go(operation=operation.id)) == (4, 0)
    Step.objects.filter(pk=step.pk).delete()
    with pytest.raises(Step.DoesNotExist):
        write_whole(step)


def test_a_list_is_one_value() -> None:
    made = [make_operation() for _ in range(3)]
    for number, operation in enumerate(made):
        make_step(operation, number)
    by_id = Prepared(
        lambda: Operation.objects.filter(id__among=Given("ids")).values_list("id", flat=True)
    )
    of = Prepared(
        lambda: (
            Step.objects.filter(operation__among=Given("of"), seq__among=Given("seqs"))
            .order_by("seq")
            .values_list("operation", "seq")
        )
    )
    ids = [operation.id for operation in made]
    assert {*by_id.rows(ids=ids[:2])} == {*ids[:2]}
    assert by_id.rows(ids=[]) == []
    assert of.rows(of={*ids}, seqs=[2, 1, 7]) == [(ids[1], 1), (ids[2], 2)]
    with pytest.raises(TypeError):
        Operation.objects.filter(id__among=ids)
    if connection.vendor == "sqlite":
        with CaptureQueriesContext(connection) as asked:
            by_id.rows(ids=ids)
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN QUERY PLAN {asked.captured_queries[0]['sql']}")
            plan = " ".join(str(row[3]) for row in cursor.fetchall())
        assert "SEARCH operations_operation" in plan


def test_nothing_is_built_a_second_time(monkeypatch: pytest.MonkeyPatch) -> None:
    operation = make_operation()
    find = Prepared(lambda: Operation.objects.filter(id=Given("id")))
    note = PreparedUpdate(lambda: Operation.objects.filter(id=Given("id")), "owner")

    def use(owner: str) -> None:
        note(id=operation.id, owner=owner)
        found = find.row(id=operation.id)
        assert found is not None
        assert found.owner == owner
        write_whole(found)
        insert(Service(topic=owner, number=int(owner), domain="d", host="h"))

    use("1")
    built: list[str] = []
    monkeypatch.setattr(Query, "build_filter", lambda *_, **__: built.append("a condition"))
    monkeypatch.setattr(Query, "get_compiler", lambda *_, **__: built.append("a compiler"))
    use("2")
    assert not built


def test_a_place_that_nothing_explains_is_refused() -> None:
    unknown = Prepared(lambda: Operation.objects.annotate(x=Value(1) + Given("more")))
    with pytest.raises(TypeError, match="output_field"):
        unknown.rows(more=1)
    judged = Case(When(final=Given("said"), then=Value(1)), default=Value(0))
    with pytest.raises(TypeError, match="output_field"):
        Prepared(lambda: Step.objects.annotate(x=judged)).rows(said=True)
    said = Given("said", BooleanField())
    told = Case(When(final=said, then=Value(1)), default=Value(0))
    assert Prepared(lambda: Step.objects.annotate(x=told)).rows(said=True) == []
