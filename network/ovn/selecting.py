"""Single rows of OVN's northbound database, asked for as they are needed; without a copy of it."""

from __future__ import annotations

import errno
import time
from collections.abc import Mapping, Sequence
from typing import Any

from ovs import jsonrpc, stream
from ovs.poller import Poller

from network.ovn import conf, tls
from network.ovn.northbound import DATABASE, NorthboundAway

Rows = list[dict[str, Any]]


class Selection:
    """One connection, for a few questions within ``patience`` seconds; raises NorthboundAway, TlsUnusable."""

    def __init__(self, remote: str | None = None, *, patience: float = 2.0) -> None:
        self._deadline = time.monotonic() + patience
        self._rpc = self._connect(remote or conf.NORTHBOUND)

    def rows(self, *questions: tuple[str, Sequence[Any], Sequence[str]]) -> list[Rows]:
        """Return the rows of (table, condition as RFC 7047 has it, columns), in one transaction."""
        operations = [
            {"op": "select", "table": table, "where": [*where], "columns": [*columns]}
            for table, where, columns in questions
        ]
        request = jsonrpc.Message.create_request("transact", [DATABASE, *operations])
        if self._rpc.send(request):
            raise NorthboundAway
        answer = self._answer_to(request.id)
        if any("error" in one for one in answer):
            raise NorthboundAway(detail=str(answer))
        return [one["rows"] for one in answer]

    def close(self) -> None:
        """Let go of the connection."""
        self._rpc.close()

    def _answer_to(self, number: Any) -> Sequence[Mapping[str, Any]]:
        while time.monotonic() < self._deadline:
            self._rpc.run()
            error, message = self._rpc.recv()
            if error == errno.EAGAIN:
                poller = Poller()
                self._rpc.wait(poller)
                self._rpc.recv_wait(poller)
                poller.timer_wait(max(1, int((self._deadline - time.monotonic()) * 1000)))
                poller.block()
                continue
            if error:
                raise NorthboundAway
            if message.type == jsonrpc.Message.T_REPLY and message.id == number:
                return list(message.result)
            if message.type == jsonrpc.Message.T_ERROR:
                raise NorthboundAway(detail=str(message.error))
        raise NorthboundAway

    def _connect(self, remote: str) -> jsonrpc.Connection:
        tls.use(remote)
        for one in remote.split(","):
            left = int((self._deadline - time.monotonic()) * 1000)
            if left <= 0:
                break
            error, connection = stream.Stream.open_block(stream.Stream.open(one), timeout=left)
            if not error:
                return jsonrpc.Connection(connection)
        raise NorthboundAway
