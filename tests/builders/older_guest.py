"""The agent of an earlier release, run by itself, with a datastore that is none: ``python -SE this PROGRAM DIRECTORY``.

PROGRAM is the packed agent as that release handed it out. What it says and how it is answered is all its own; only
the datastore's driver is taken away, for that would serve on this machine.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any


def register() -> None:
    """Put a datastore in PostgreSQL's place that keeps names alone."""
    from databases.guest.drivers import DRIVERS
    from databases.guest.drivers.replicating import ReplicatingDatastore

    class Nothing(ReplicatingDatastore):
        """Names of databases and users, for as long as the process lives."""

        name, reserved_databases, reserved_users = "postgresql", frozenset(), frozenset()
        longest_name, release_parts = 60, 1
        state: dict[str, Any] = {"up": False, "databases": [], "users": []}

        def answer(self, *_words: Any, **_named: Any) -> Any:
            """Do nothing."""

        def exact_version(self) -> str:
            """Return the release."""
            return "15.9"

        def is_up(self) -> bool:
            """Tell whether it was started."""
            return bool(self.state["up"])

        is_initialised = is_up

        def start(self) -> None:
            """Be up."""
            self.state["up"] = True

        def stop(self) -> None:
            """Be down."""
            self.state["up"] = False

        def apply_settings(self, _names: Any) -> tuple[str, ...]:
            """Nothing waits."""
            return ()

        def databases(self) -> list[dict[str, str]]:
            """Return what was made."""
            return [
                {"name": one, "character_set": "", "collate": ""} for one in self.state["databases"]
            ]

        def make_database(self, name: str, _set: str, _collate: str) -> None:
            """Keep the name."""
            self.state["databases"] = sorted({*self.state["databases"], name})

        def users(self) -> list[dict[str, Any]]:
            """Return who was made."""
            return [{"name": one, "host": "%", "databases": []} for one in self.state["users"]]

        def make_user(self, name: str, _host: str, _password: str) -> None:
            """Keep the name."""
            self.state["users"] = sorted({*self.state["users"], name})

        def figures(self) -> dict[str, int]:
            """Return a few."""
            return {"connections": 0, "connections_limit": 10, "data_size": 0}

        def process(self) -> int:
            """It has none."""
            return int(self.state["up"])

        def logs(self) -> dict[str, Path]:
            """It has none."""
            return {}

        def position(self) -> str:
            """Return where its log is."""
            return "0/1"

    for name in Nothing.__abstractmethods__:
        setattr(Nothing, name, Nothing.answer)
    Nothing.__abstractmethods__ = frozenset()  # type: ignore[misc]
    DRIVERS["postgresql"] = Nothing


def main() -> None:
    """Run the program's own beginning."""
    program, directory = sys.argv[1:3]
    sys.path.insert(0, program)
    register()
    from databases.guest.program import main as begin

    sys.argv = [program, directory]
    sys.exit(begin([directory]))


if __name__ == "__main__":
    main()
