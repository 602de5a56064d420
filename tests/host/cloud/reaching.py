"""What a cloud of several hosts owes, and how its guests are reached: from the hosts where they are."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass

from tests.host.cloud.namespaces import NamespacedHost
from tests.host.cloud.tenants import Server, Tenant
from tests.infrastructure import Cloud


def unpaid(cloud: Cloud) -> int:
    """Count the debts in the control plane's database."""
    with closing(sqlite3.connect(f"file:{cloud.var}/cloudweb.sqlite3?mode=ro", uri=True)) as rows:
        found = rows.execute("SELECT count(*) FROM operations_debt WHERE paid_at IS NULL")
        return int(found.fetchone()[0])


@dataclass
class Reach:
    """A tenant, and how its guests are reached: from the hosts where they are."""

    tenant: Tenant
    hosts: dict[str, NamespacedHost]

    def does(self, command: str, server: Server | None = None) -> str:
        """Run a command in a guest as root; fail where it fails."""
        assert server is not None
        inside = ("ip", "netns", "exec", f"cloudweb-{self.tenant.network.id}")
        done = server.ssh(*self.hosts[server.id].enter, *inside, command=command, user="root")
        assert done.returncode == 0, done
        return done.text.strip()

    def answers(self, server: Server) -> bool:
        """Tell whether a guest answers."""
        try:
            return self.does("true", server) == ""
        except AssertionError:
            return False
