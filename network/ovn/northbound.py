"""OVN's northbound database: what of ours is there, and transactions that make it be as it shall.

Open vSwitch's own client keeps a copy of the database up to date. Whoever holds the lock of this name in
the database writes; each transaction asserts it, so that of several writers one does (RFC 7047, 4.1.8-9).
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID

import structlog
from ovs import jsonrpc, stream
from ovs.db import idl as ovsdb
from ovs.db.idl import SchemaHelper, Transaction
from ovs.poller import Poller

from cloudweb.exceptions import CloudwebError
from network.ovn.rows import KEY, PARTS, owner_of

log = structlog.get_logger(__name__)
LOCK = "cloudweb"
DATABASE = "OVN_Northbound"
#: Columns that OVN itself writes.
THEIRS = {"Logical_Switch_Port": {"up", "dynamic_addresses", "tag"}}


class NorthboundAway(CloudwebError):
    """The database does not answer, or not in time."""

    default_message = "OVN's northbound database does not answer."


class NorthboundRefused(CloudwebError):
    """The database did not take a transaction."""

    default_message = "OVN's northbound database refused a change."


class Copy(ovsdb.Idl):
    """A copy of the database that knows which rows are ours, and notes what others do to them."""

    def __init__(self, remote: str, schema: SchemaHelper) -> None:
        self.owned: defaultdict[str, dict[tuple[str, str], set[UUID]]] = defaultdict(dict)
        self.keys: dict[UUID, tuple[str, str]] = {}  # table and key
        self.ups: dict[UUID, bool] = {}  # news of guests' ports
        self.touched: set[str] = set()  # owners of rows that somebody changed
        super().__init__(remote, schema)

    @property
    def is_connected(self) -> bool:
        """Tell whether the database answers, and all of it has been read since it does."""
        return bool(self._session.is_connected() and self.state == self.IDL_S_MONITORING)

    def notify(self, event: str, row: Any, updates: Any = None) -> None:
        """Note what changed."""
        table = row._table.name  # noqa: SLF001  a row says it nowhere else
        if table not in PARTS:
            return
        known = self.keys.get(row.uuid)
        key = None if event == ovsdb.ROW_DELETE else row.external_ids.get(KEY)
        found = (table, key) if key else None
        if known != found:
            self._forget(row.uuid, known)
            if found is not None:
                self.keys[row.uuid] = found
                self.owned[owner_of(found[1])].setdefault(found, set()).add(row.uuid)
        changed = set() if updates is None else {*updates._data}  # noqa: SLF001  nor what changed
        if event != ovsdb.ROW_UPDATE or changed - THEIRS.get(table, set()):
            self.touched |= {owner_of(one[1]) for one in (known, found) if one is not None}
        if table == "Logical_Switch_Port" and found and "/port/" in found[1]:
            up = bool(row.up and row.up[0])
            if event == ovsdb.ROW_CREATE or "up" in changed:
                self.ups[UUID(row.name)] = up

    def _forget(self, row_id: UUID, known: tuple[str, str] | None) -> None:
        self.keys.pop(row_id, None)
        if known is not None:
            owned = self.owned[owner_of(known[1])]
            owned.get(known, set()).discard(row_id)
            if not owned.get(known):
                owned.pop(known, None)


class Northbound:
    """The connection of one writer; of one thread."""

    def __init__(self, remote: str, *, schema: Mapping[str, Any] | None = None) -> None:
        """``remote`` names one server, or those of a cluster, as ``ovn-nbctl --db`` does."""
        self._remote, self._schema = remote, schema
        self._copy: Copy | None = None

    @property
    def copy(self) -> Copy:
        """The copy; raises NorthboundAway before the first connection."""
        if self._copy is None:
            raise NorthboundAway
        return self._copy

    @property
    def is_writer(self) -> bool:
        """Tell whether we are connected and hold the lock."""
        copy = self._copy
        return copy is not None and copy.is_connected and copy.has_lock

    def check_connected(self) -> None:
        """Raise NorthboundAway unless the database answers."""
        if not self.copy.is_connected:
            raise NorthboundAway

    def run(self) -> None:
        """Take in what the database said, or try to connect."""
        if self._copy is None:
            helper = SchemaHelper(schema_json=self._schema or _fetch_schema(self._remote))
            for table in PARTS:
                helper.register_table(table)
            self._copy = Copy(self._remote, helper)
            self._copy.set_lock(LOCK)
        for _ in range(100):
            before = self._copy.change_seqno
            self._copy.run()
            if self._copy.change_seqno == before:
                return

    def wait(self, seconds: float) -> None:
        """Return when the database says something, and after so many seconds at the latest."""
        poller = Poller()
        if self._copy is not None:
            self._copy.wait(poller)
        poller.timer_wait(int(seconds * 1000))
        poller.block()

    def commit(self, transaction: Transaction, *, timeout: float) -> bool:
        """Commit; return whether anything changed. Raises NorthboundAway, NorthboundRefused."""
        deadline = time.monotonic() + timeout
        status = transaction.commit()
        while status == Transaction.INCOMPLETE:
            left = deadline - time.monotonic()
            if left <= 0:
                transaction.abort()
                raise NorthboundAway
            self.copy.run()
            poller = Poller()
            self.copy.wait(poller)
            transaction.wait(poller)
            poller.timer_wait(max(1, int(min(left, 0.5) * 1000)))
            status = transaction.commit()
            if status == Transaction.INCOMPLETE:
                poller.block()
                status = transaction.commit()
        if status == Transaction.SUCCESS:
            self.run()
            return True
        if status == Transaction.UNCHANGED:
            return False
        if status in (Transaction.TRY_AGAIN, Transaction.NOT_LOCKED, Transaction.ABORTED):
            raise NorthboundAway
        raise NorthboundRefused(detail=str(transaction.get_error()))

    def owners(self) -> Collection[str]:
        """Return whose rows there are any of."""
        return [owner for owner, rows in self.copy.owned.items() if rows]

    def take_ups(self) -> Mapping[UUID, bool]:
        """Return news of guests' ports since the last time."""
        found, self.copy.ups = self.copy.ups, {}
        return found

    def take_touched(self) -> set[str]:
        """Return the owners of rows that changed since the last time."""
        found, self.copy.touched = self.copy.touched, set()
        return found

    def close(self) -> None:
        """End the connection; the lock is free then."""
        if self._copy is not None:
            self._copy.close()
            self._copy = None


def _fetch_schema(remote: str) -> Mapping[str, Any]:
    """Ask a server for its schema; raise NorthboundAway when none answers."""
    for one in remote.split(","):
        error, connection = stream.Stream.open_block(stream.Stream.open(one), timeout=2000)
        if error:
            continue
        rpc = jsonrpc.Connection(connection)
        try:
            request = jsonrpc.Message.create_request("get_schema", [DATABASE])
            error, reply = rpc.transact_block(request)
            if not error and reply is not None and not reply.error:
                found: Mapping[str, Any] = reply.result
                return found
        finally:
            rpc.close()
    raise NorthboundAway
