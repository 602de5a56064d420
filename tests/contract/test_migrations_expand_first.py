"""Expand first, contract a release later: the last release's code works on the tables that this one migrated.

A cloud is migrated while workers and API processes of the last release run. So a migration newer than that release
(``releases/*/migrations.json``) takes nothing from them that they read, and wants nothing of them that they do not
write. What must break that says why it may, in the migration itself:

    contracts = {"RemoveField volume.colour": "since 0.2.0 nobody reads or writes it"}
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import pytest
from django.apps import apps
from django.db import connection, migrations, models
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

from tests.contract.releases.frozen import frozen, migrations_now

TAKES = "the last release reads it: stop using it in this release, remove it in the next"
WANTS = "rows that the last release writes have none: give it null=True or a db_default"
#: What takes from the last release whatever its values are.
TAKING = (
    migrations.RemoveField,
    migrations.DeleteModel,
    migrations.RenameField,
    migrations.RenameModel,
    migrations.AlterModelTable,
)


def problems(app: str, operation: Operation, state: ProjectState, new: set[str]) -> Iterator[str]:
    """Say what an operation does to the last release; ``new`` are models that this one knows not."""
    if isinstance(operation, migrations.SeparateDatabaseAndState):
        for inner in operation.database_operations:
            yield from problems(app, inner, state, new)
        return
    model = _model(operation)
    if model in new:
        return
    if isinstance(operation, TAKING):
        yield f"{_name(operation)}: {TAKES}"
    elif isinstance(operation, migrations.AddField):
        field = operation.field
        has_value = field.null or field.db_default is not models.NOT_PROVIDED
        if not (field.many_to_many or has_value):
            yield f"{_name(operation)}: {WANTS}"
    elif isinstance(operation, migrations.AlterField):
        before, field = state.models[app, model].get_field(operation.name), operation.field
        if before.null and not field.null and field.db_default is models.NOT_PROVIDED:
            yield f"{_name(operation)} to NOT NULL: {WANTS}"
        if (field.max_length or 1 << 31) < (before.max_length or 1 << 31):
            yield f"{_name(operation)} to a shorter text: what the last release writes may not fit"


def _model(operation: Operation) -> str:
    """Return the model that an operation is about, in lower case; "" where it is about none."""
    facts = vars(operation)
    return str(facts.get("model_name") or facts.get("old_name") or facts.get("name") or "").lower()


def _name(operation: Operation) -> str:
    """Return what a declaration calls it: ``RemoveField volume.colour``."""
    facts = vars(operation)
    field = (facts.get("name") or facts.get("old_name")) if "model_name" in facts else None
    return f"{type(operation).__name__} {_model(operation)}{f'.{field}' if field else ''}"


def judged(
    app: str, migration: migrations.Migration, state: ProjectState, new: set[str]
) -> list[str]:
    """Return what a migration does to the last release and does not account for."""
    found: list[str] = []
    for operation in migration.operations:
        if isinstance(operation, migrations.CreateModel):
            new.add(operation.name_lower)
        found += problems(app, operation, state, new)
        operation.state_forwards(app, state)
    declared = getattr(migration, "contracts", {})
    named = {one.partition(":")[0].removesuffix(" to NOT NULL").removesuffix(" to a shorter text")
             for one in found}  # fmt: skip
    stale = [f"{name}: declared, and not done" for name in declared if name not in named]
    return stale + [one for one in found if not any(one.startswith(name) for name in declared)]


def newer() -> set[tuple[str, str]]:
    """Return the migrations that the last release has not."""
    known = {(app, name) for app, names in frozen("migrations").items() for name in names}
    ours = {(app, name) for app, names in migrations_now().items() for name in names}
    assert known <= ours, "a migration of a release is never renamed or removed"
    return ours - known


@pytest.mark.both_databases
@pytest.mark.django_db
def test_columns_that_the_last_release_does_not_write_are_filled_by_the_database() -> None:
    loader, empty = MigrationLoader(None), []
    added = (
        (app, operation)
        for app, name in sorted(newer())
        for operation in loader.get_migration(app, name).operations
        if isinstance(operation, migrations.AddField) and not operation.field.many_to_many
    )
    with connection.cursor() as cursor:
        for app, operation in added:
            table = apps.get_model(app, operation.model_name)._meta
            columns = connection.introspection.get_table_description(cursor, table.db_table)
            column = table.get_field(operation.name).column
            found = next(one for one in columns if one.name == column)
            if not found.null_ok and found.default is None:
                empty.append(f"{table.db_table}.{column}")
    assert empty == []


def test_the_last_release_works_on_migrated_tables() -> None:
    loader, later = MigrationLoader(None), newer()
    plans = [loader.graph.forwards_plan(leaf) for leaf in loader.graph.leaf_nodes()]
    plan = [key for key in dict.fromkeys(itertools.chain(*plans)) if key in later]
    state = loader.project_state([key for key in loader.graph.nodes if key not in later])
    new: dict[str, set[str]] = {app: set() for app, _ in later}
    found: dict[str, list[str]] = {}
    for app, name in plan:
        said = judged(app, loader.get_migration(app, name), state, new[app])
        if said:
            found[f"{app} {name}"] = said
    assert found == {}


def migration(*operations: Operation) -> Any:
    made = migrations.Migration("0002_made_up", "lamps")
    made.operations = [*operations]
    return made


def tables() -> ProjectState:
    state = ProjectState()
    migrations.CreateModel(
        "Lamp",
        [
            ("id", models.AutoField(primary_key=True)),
            ("colour", models.CharField(max_length=20, null=True)),
        ],
    ).state_forwards("lamps", state)
    return state


@pytest.mark.parametrize(
    ("operation", "word"),
    [
        (migrations.RemoveField("lamp", "colour"), "RemoveField lamp.colour"),
        (migrations.DeleteModel("Lamp"), "DeleteModel lamp"),
        (migrations.RenameField("lamp", "colour", "hue"), "RenameField lamp.colour"),
        (migrations.RenameModel("Lamp", "Light"), "RenameModel lamp"),
        (migrations.AlterField("lamp", "colour", models.CharField(max_length=20)), "to NOT NULL"),
        (migrations.AlterField("lamp", "colour", models.CharField(max_length=5, null=True)), "to a shorter"),
        (migrations.AddField("lamp", "watts", models.IntegerField()), "AddField lamp.watts"),
        (migrations.AddField("lamp", "watts", models.IntegerField(default=5)), "AddField lamp.watts"),
        (migrations.SeparateDatabaseAndState([migrations.RemoveField("lamp", "colour")]), "RemoveField"),
    ],
    ids=lambda one: one if isinstance(one, str) else "",
)  # fmt: skip
def test_what_breaks_the_last_release_is_refused(operation: Operation, word: str) -> None:
    (said,) = judged("lamps", migration(operation), tables(), set())
    assert word in said


@pytest.mark.parametrize(
    "operations",
    [
        [migrations.AddField("lamp", "watts", models.IntegerField(null=True))],
        [migrations.AddField("lamp", "watts", models.IntegerField(db_default=5))],
        [migrations.AlterField("lamp", "colour", models.CharField(max_length=40, null=True))],
        [migrations.AddIndex("lamp", models.Index(fields=["colour"], name="by_colour"))],
        [
            migrations.CreateModel("Shade", [("id", models.AutoField(primary_key=True))]),
            migrations.AddField("shade", "cloth", models.CharField(max_length=9)),
            migrations.RemoveField("shade", "cloth"),
        ],
    ],
    ids=["null", "db_default", "longer", "index", "new"],
)
def test_what_expands_is_not(operations: list[Operation]) -> None:
    assert judged("lamps", migration(*operations), tables(), set()) == []


def test_what_is_declared_may_be_and_nothing_else_is_declared() -> None:
    remove = migrations.RemoveField("lamp", "colour")
    made = migration(remove)
    made.contracts = {"RemoveField lamp.colour": "since 0.2.0 nobody reads it"}
    assert judged("lamps", made, tables(), set()) == []
    made.contracts = {"RemoveField lamp.size": "a slip"}
    assert len(judged("lamps", made, tables(), set())) == 2
