"""OVN's databases for tests: processes of their own in a directory, and what stands in them."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from cloudweb import process
from tests.infrastructure import wait_until

NEEDED = ("ovsdb-server", "ovsdb-tool", "ovn-northd", "ovn-nbctl", "ovs-vswitchd", "ovn-controller")
SCHEMAS = Path("/usr/share/ovn")
PLACES = f"{os.environ['PATH']}:/usr/sbin:/sbin"

needs_ovn = pytest.mark.skipif(
    any(shutil.which(name, path=PLACES) is None for name in NEEDED),
    reason="OVN is not installed: deploy/setup test brings openvswitch-switch, ovn-central and ovn-host",
)


class NorthboundServer:
    """A northbound database that nobody translates."""

    def __init__(self, directory: Path, *more: str) -> None:
        self.directory, self._more = directory, more
        self.socket = directory / "nb.sock"
        self.remote = f"unix:{self.socket}"
        schema = SCHEMAS / "ovn-nb.ovsschema"
        process.run("ovsdb-tool", "create", str(directory / "nb.db"), str(schema))
        self.start()

    def start(self) -> None:
        self._server = process.start_child(
            "ovsdb-server", f"--remote=punix:{self.socket}", f"--unixctl={self.directory / 'nb.ctl'}",
            "-vconsole:warn", *self._more, str(self.directory / "nb.db"), log=self.directory / "nb.log",
        )  # fmt: skip
        wait_until(self.socket.exists, what="OVN's northbound database listens")

    def stop(self) -> None:
        self._server.terminate()
        self._server.wait()
        self.socket.unlink(missing_ok=True)

    def ask(self, *words: str) -> str:
        """Run ``ovn-nbctl``, which knows nothing of Cloudweb."""
        return process.run("ovn-nbctl", "--timeout=20", f"--db={self.remote}", *words).text

    def column(self, table: str, column: str, condition: str) -> str:
        """Return a column of the row of which that is true, as text."""
        return self.ask("--bare", f"--columns={column}", "find", table, condition).strip()

    def count(self, table: str) -> int:
        """Return how many rows a table has."""
        return len(self.ask("--bare", "--columns=_uuid", "list", table).split())


@contextlib.contextmanager
def northbound_server(directory: Path, *more: str) -> Iterator[NorthboundServer]:
    """Run a northbound database while the block runs; ``more`` are words for its server."""
    server = NorthboundServer(directory, *more)
    try:
        yield server
    finally:
        server.stop()
