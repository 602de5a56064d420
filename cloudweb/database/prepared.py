"""Statements that are asked again and again: Django builds and compiles each once, then only values change.

Most of what a small query costs is its making: an ``UPDATE`` of one row takes 20 µs in SQLite and 300 in the
ORM. So what every operation does is written as a queryset with places left open (``Given``), at the top of
its module, and run with what belongs there. What is asked now and then stays a plain queryset.
"""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, Generic, Protocol, TypeVar, cast

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Field, ForeignObject, Model, QuerySet, Value
from django.db.models.fields import AutoFieldMixin
from django.db.models.lookups import Lookup
from django.db.models.query import (
    FlatValuesListIterable,
    ModelIterable,
    ValuesListIterable,
    get_related_populators,
)
from django.db.models.sql import DeleteQuery, Query, UpdateQuery

Row = TypeVar("Row")
M = TypeVar("M", bound=Model)


class _Form(Protocol):
    """How a value is written for the database: a field."""

    def get_db_prep_save(self, value: Any, connection: Any) -> Any: ...


class Given(Value):
    """A value that is not known yet. NULL is equal to nothing, as always in SQL.

    What it is compared with or assigned to says how it is written. Elsewhere (in a function, in arithmetic,
    in a subquery) that must be said by ``output_field``.
    """

    form: _Form | None = None

    def __init__(self, name: str, output_field: Field[Any, Any] | None = None) -> None:
        super().__init__(name, output_field=output_field)
        self.form = output_field

    def as_sql(self, compiler: Any, connection: Any) -> Any:
        """Leave the place open."""
        if self.form is None:
            raise TypeError(f"{self.value!r} needs an output_field where it stands")
        return "%s", [_Place(str(self.value), self.form)]


class _Place:
    """A parameter that is put in when the statement runs."""

    __slots__ = ("form", "name")

    def __init__(self, name: str, form: _Form) -> None:
        self.name, self.form = name, form


class _Statement:
    """The text for one kind of database, and how values come into it."""

    def __init__(self, compiler: Any) -> None:
        sql, params = compiler.as_sql()
        self._sql = str(sql)
        self._params: tuple[Any, ...] = tuple(params)

    def run(self, here: BaseDatabaseWrapper, values: Mapping[str, Any]) -> Any:
        """Run it; return the cursor, which the caller closes."""
        params = [
            one.form.get_db_prep_save(values[one.name], here) if type(one) is _Place else one
            for one in self._params
        ]
        cursor = here.cursor()
        try:
            cursor.execute(self._sql, params)
        except BaseException:
            cursor.close()
            raise
        return cursor


class _Question(_Statement):
    """One that is answered with rows."""

    def __init__(self, queryset: QuerySet[Any, Any], compiler: Any) -> None:
        super().__init__(compiler)
        columns = [found[0] for found in compiler.select]
        self._converters = [
            (place, functions, expression)
            for place, (functions, expression) in compiler.get_converters(columns).items()
        ]
        self._read = _READERS[queryset._iterable_class](compiler)  # noqa: SLF001

    def answer(self, here: BaseDatabaseWrapper, values: Mapping[str, Any]) -> list[Any]:
        """Run it and return what Django would have returned."""
        with self.run(here, values) as cursor:
            rows = cursor.fetchall()
        return [self._read(self._converted(row, here)) for row in rows]

    def _converted(self, row: Sequence[Any], here: BaseDatabaseWrapper) -> Sequence[Any]:
        if not self._converters:
            return row
        values = list(row)
        for place, functions, expression in self._converters:
            value = values[place]
            for function in functions:
                value = function(value, expression, here)
            values[place] = value
        return values


def _model_reader(compiler: Any) -> Callable[[Sequence[Any]], Any]:
    info = compiler.klass_info
    model, places = info["model"], info["select_fields"]
    start, end = places[0], places[-1] + 1
    names = [found[0].target.attname for found in compiler.select[start:end]]
    alias = compiler.connection.alias
    related = get_related_populators(info, compiler.select, alias)  # type: ignore[call-arg]  # the stub is newer
    annotations = list((compiler.annotation_col_map or {}).items())

    def read(row: Sequence[Any]) -> Any:
        made = model.from_db(alias, names, row[start:end])
        for one in related:
            one.populate(row, made)
        for name, place in annotations:
            setattr(made, name, row[place])
        return made

    return read


_READERS: dict[type[Any], Callable[[Any], Callable[[Sequence[Any]], Any]]] = {
    ModelIterable: _model_reader,
    ValuesListIterable: lambda _compiler: tuple,
    FlatValuesListIterable: lambda _compiler: lambda row: row[0],
}


class Prepared(Generic[Row]):
    """A question: models, or tuples or single values of ``values_list``."""

    def __init__(self, ask: Callable[[], QuerySet[Any, Row]]) -> None:
        self._ask = ask
        self._made: dict[str, _Question] = {}

    def rows(self, **values: Any) -> list[Row]:
        """Return all that is found."""
        here = connections[DEFAULT_DB_ALIAS]
        made = self._made.get(here.vendor)
        if made is None:
            queryset = self._ask()
            _say_fields(queryset.query)
            compiler = queryset.query.get_compiler(connection=here)
            made = self._made[here.vendor] = _Question(queryset, compiler)
        return made.answer(here, values)

    def row(self, **values: Any) -> Row | None:
        """Return the only one that is found, or the first."""
        found = self.rows(**values)
        return found[0] if found else None


class _Write:
    """A statement that tells how many rows it changed."""

    def __init__(self) -> None:
        self._made: dict[str, _Statement] = {}

    @abstractmethod
    def _query(self) -> Query:
        """Build it."""

    def __call__(self, **values: Any) -> int:
        """Write; return how many rows were changed."""
        here = connections[DEFAULT_DB_ALIAS]
        made = self._made.get(here.vendor)
        if made is None:
            query = self._query()
            _say_fields(query)
            made = self._made[here.vendor] = _Statement(query.get_compiler(connection=here))
        with made.run(here, values) as cursor:
            return int(cursor.rowcount)


class PreparedUpdate(_Write):
    """A write to the rows that a queryset names: of what the names say, and of what is always the same."""

    def __init__(self, rows: Callable[[], QuerySet[Any, Any]], *names: str, **changes: Any) -> None:
        super().__init__()
        self._rows, self._changes = rows, {name: Given(name) for name in names} | changes

    def _query(self) -> Query:
        query: Any = self._rows().query.chain(UpdateQuery)
        query.add_update_values(self._changes)
        query.annotations = {}
        return cast(Query, query)


class PreparedDelete(_Write):
    """A delete of rows that nothing else refers to: no cascade, no signal."""

    def __init__(self, rows: Callable[[], QuerySet[Any, Any]]) -> None:
        super().__init__()
        self._rows = rows

    def _query(self) -> Query:
        return self._rows().query.chain(DeleteQuery)


def _say_fields(query: Query) -> None:
    """Tell each open place what it is compared with or assigned to."""
    waiting = list(query.where.children)
    while waiting:
        node: Any = waiting.pop()
        waiting += getattr(node, "children", ())
        if isinstance(node, Lookup) and isinstance(node.rhs, Given) and node.rhs.form is None:
            node.rhs.form = node.lhs.output_field
    for field, _model, value in getattr(query, "values", ()):
        if isinstance(value, Given) and value.form is None:
            value.form = field


@cache
def _whole(model: type[Model]) -> PreparedUpdate:
    names = [field.attname for field in model._meta.concrete_fields if not field.primary_key]
    return PreparedUpdate(lambda: QuerySet(model).filter(pk=Given("pk")), *names)


def write_whole(row: Model) -> None:
    """Write all fields of a row that exists, or add it; what ``save()`` does, without signals.

    Raises the model's DoesNotExist when there is no such row any more.
    """
    state = row._state  # noqa: SLF001 - whether it is there is nowhere else
    if state.adding:
        row.save(force_insert=True)
        return
    values = {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}
    if not _whole(type(row))(pk=row.pk, **values):
        raise type(row).DoesNotExist(f"{row} was deleted")  # type: ignore[attr-defined]


def insert(*rows: Model, ignore_conflicts: bool = False) -> int:
    """Add rows of one model in one statement, as ``bulk_create`` does; keys that the database gives stay there.

    Return how many were added: with ``ignore_conflicts`` those that a constraint forbids are left out.
    """
    model = type(rows[0])
    fields = _inserted(model)
    here = connections[DEFAULT_DB_ALIAS]
    values = [
        field.get_db_prep_save(field.pre_save(row, True), here) for row in rows for field in fields
    ]
    with here.cursor() as cursor:
        end = " ON CONFLICT DO NOTHING" if ignore_conflicts else ""  # SQLite and PostgreSQL alike
        cursor.execute(_insertion(model, len(rows), here.vendor) + end, values)
        added = int(cursor.rowcount)
    for row in rows:
        row._state.adding = False  # noqa: SLF001
    return added


@cache
def _inserted(model: type[Model]) -> list[Field[Any, Any]]:
    return [field for field in model._meta.concrete_fields if not isinstance(field, AutoFieldMixin)]


@cache
def _insertion(model: type[Model], count: int, _vendor: str) -> str:
    quote = connections[DEFAULT_DB_ALIAS].ops.quote_name
    columns = [quote(str(field.column)) for field in _inserted(model)]
    places = f"({', '.join(['%s'] * len(columns))})"
    return (
        f"INSERT INTO {quote(model._meta.db_table)} ({', '.join(columns)}) "  # noqa: S608 - names of ours
        f"VALUES {', '.join([places] * count)}"
    )


@Field.register_lookup
@ForeignObject.register_lookup
class Among(Lookup):
    """The value is one of those that are given as one list: ``id__among=Given("ids")``."""

    lookup_name = "among"

    def get_prep_lookup(self) -> Any:
        """Take the list as one value, written as the elements are."""
        if not isinstance(self.rhs, Given):
            raise TypeError("among is for what is given later; a known list is __in")
        self.rhs.form = _ListOf(self.lhs.output_field)
        return self.rhs

    def as_sqlite(self, compiler: Any, connection: Any) -> Any:
        """Read the elements out of a text."""
        column, params = self.process_lhs(compiler, connection)
        place, given = compiler.compile(self.rhs)
        sql = f"{column} IN (SELECT value FROM json_each({place}))"  # noqa: S608
        return sql, (*params, *given)

    def as_sql(self, compiler: Any, connection: Any) -> Any:
        """Let PostgreSQL compare with an array."""
        column, params = self.process_lhs(compiler, connection)
        place, given = compiler.compile(self.rhs)
        kind = self.lhs.output_field.cast_db_type(connection)
        return f"{column} = ANY(CAST({place} AS {kind}[]))", (*params, *given)


class _ListOf:
    """How a list of a field's values is written as one parameter."""

    def __init__(self, element: _Form) -> None:
        self._element = element

    def get_db_prep_save(self, value: Any, connection: Any) -> Any:
        """Write each element as its own field does."""
        values = [self._element.get_db_prep_save(one, connection) for one in value]
        return json.dumps(values) if connection.vendor == "sqlite" else values
