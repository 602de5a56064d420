"""Makes rows be as they shall, in one transaction: what is missing comes, what differs changes, the rest goes.

Rows without a key of ours, and columns that nobody said, are others' and stay.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from ovs.db.idl import Transaction

from network.ovn.northbound import Copy, Northbound
from network.ovn.rows import KEY, PARENT, PARTS, Row, owner_of

OURS = "cloudweb-"


def write(
    northbound: Northbound, owners: Collection[str], rows: Iterable[Row], *, timeout: float
) -> bool:
    """Make all that these owners have be exactly these rows; return whether anything changed.

    Raises NorthboundAway, NorthboundRefused; then nothing of it changed.
    """
    copy = northbound.copy
    transaction = Transaction(copy)
    try:
        _Difference(copy, transaction, owners).compose({(row.table, row.key): row for row in rows})
    except BaseException:
        transaction.abort()
        raise
    return northbound.commit(transaction, timeout=timeout)


class _Difference:
    """What one transaction changes."""

    def __init__(self, copy: Copy, transaction: Transaction, owners: Collection[str]) -> None:
        self._copy, self._transaction, self._owners = copy, transaction, owners
        self._found: dict[tuple[str, str], Any] = {}
        self._fresh: set[UUID] = set()
        self._inside: dict[tuple[UUID, str], set[UUID]] = {}  # a row's column -> the rows in it
        self._added: defaultdict[tuple[UUID, str], list[Any]] = defaultdict(list)
        self._by_id: dict[UUID, Any] = {}

    def compose(self, expected: Mapping[tuple[str, str], Row]) -> None:
        """Write all differences into the transaction."""
        stale = self._find(expected)
        for which, row in expected.items():
            if which not in self._found:
                fresh = self._transaction.insert(self._copy.tables[row.table])
                self._found[which] = fresh
                self._fresh.add(fresh.uuid)
        for which, row in expected.items():
            self._fill(self._found[which], row)
        for which, row in expected.items():
            self._refer(self._found[which], row)
            self._place(self._found[which], row)
        for (row_id, column), children in self._added.items():
            parent = self._by_id[row_id]
            if row_id in self._fresh:
                setattr(parent, column, children)
            else:
                for child in children:
                    parent.addvalue(column, child)
        gone = {row.external_ids[KEY] for table, row in stale if PARTS[table] is None}
        for table, row in stale:
            if row.external_ids.get(PARENT) not in gone:  # with those it goes by itself
                self._remove(table, row)

    def _find(self, expected: Mapping[tuple[str, str], Row]) -> list[tuple[str, Any]]:
        """Note the rows that there are; return those that shall not be, and each that is there twice."""
        stale: list[tuple[str, Any]] = []
        for owner in self._owners:
            for which, ids in self._copy.owned.get(owner, {}).items():
                live = self._live(which[0], ids)
                wanted = expected.get(which)
                if wanted is not None and wanted.parent:
                    stale += [
                        (which[0], row)
                        for row in live
                        if row.external_ids.get(PARENT) != wanted.parent
                    ]
                    live = [row for row in live if row.external_ids.get(PARENT) == wanted.parent]
                if wanted is not None and live:
                    self._found[which] = live[0]
                    live = live[1:]
                stale += [(which[0], row) for row in live]
        return stale

    def _live(self, table: str, ids: Iterable[UUID]) -> list[Any]:
        rows = self._copy.tables[table].rows
        return [rows[row_id] for row_id in sorted(ids) if row_id in rows]

    def _lookup(self, table: str, key: str) -> Any | None:
        """Return a row of ours by its key, also another owner's."""
        found = self._found.get((table, key))
        if found is None and owner_of(key) not in self._owners:
            ids = self._copy.owned.get(owner_of(key), {}).get((table, key), ())
            found = next(iter(self._live(table, ids)), None)
        return found

    def _fill(self, row: Any, wanted: Row) -> None:
        is_fresh = row.uuid in self._fresh
        marks = {KEY: wanted.key, **({PARENT: wanted.parent} if wanted.parent else {})}
        for column, value in wanted.columns.items():
            if column == "external_ids" and isinstance(value, Mapping):
                theirs = {} if is_fresh else row.external_ids
                kept = {name: text for name, text in theirs.items() if not name.startswith(OURS)}
                value = {**kept, **value, **marks}
            value = _plain(value)
            if is_fresh or _plain(getattr(row, column)) != value:
                setattr(row, column, value)

    def _refer(self, row: Any, wanted: Row) -> None:
        for column, (table, keys) in wanted.refers.items():
            targets = [found for key in keys if (found := self._lookup(table, key)) is not None]
            if row.uuid in self._fresh:
                setattr(row, column, targets)
                continue
            there = {one.uuid: one for one in getattr(row, column)}
            ids = {one.uuid for one in targets}
            if self._copy.tables[wanted.table].columns[column].type.n_max == 1:
                if set(there) != ids:
                    setattr(row, column, targets)
                continue
            for one in targets:
                if one.uuid not in there:
                    row.addvalue(column, one)
            for row_id, one in there.items():
                if row_id not in ids and row_id in self._copy.keys:
                    row.delvalue(column, one)

    def _place(self, row: Any, wanted: Row) -> None:
        """Let a row be part of its parent; where that is missing it is nowhere, and comes with it."""
        place = PARTS[wanted.table]
        if place is None:
            return
        table, column = place
        parent = self._lookup(table, wanted.parent)
        if parent is None:
            return
        self._by_id[parent.uuid] = parent
        where = (parent.uuid, column)
        if where not in self._inside:
            fresh = parent.uuid in self._fresh
            self._inside[where] = set() if fresh else {one.uuid for one in getattr(parent, column)}
        if row.uuid not in self._inside[where]:
            self._added[where].append(row)

    def _remove(self, table: str, row: Any) -> None:
        place = PARTS[table]
        if place is None:
            row.delete()
            return
        parents, column = place
        parent = self._lookup(parents, row.external_ids.get(PARENT, ""))
        if parent is None or all(one.uuid != row.uuid for one in getattr(parent, column)):
            holders = self._copy.tables[parents].rows.values()
            parent = next(
                (
                    one
                    for one in holders
                    if any(child.uuid == row.uuid for child in getattr(one, column))
                ),
                None,
            )
        if parent is not None and parent.uuid not in self._fresh:
            parent.delvalue(column, row)


def _plain(value: Any) -> Any:
    """Return a column's value so that equal ones are equal."""
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return sorted(value)
    return value
