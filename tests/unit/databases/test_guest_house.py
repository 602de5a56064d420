"""What a database's agent does unasked."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

from databases.guest.mailbox import Mailbox
from databases.guest.methods import Methods


class Follower(Methods):
    """A replica that stands still until it is started again."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.seen: list[tuple[str, bool]] = []
        self._keep(datastore="postgresql", version="15.4", wanted=True)
        self.server = MagicMock()
        self.server.stop.side_effect = lambda: self.seen.append(("stop", self.kept["wanted"]))
        self.server.start.side_effect = lambda: self.seen.append(("start", self.kept["wanted"]))

    def store(self) -> Any:
        return self.server


def test_an_agent_that_dies_over_a_restart_finds_it_to_be_wanted(tmp_path: Path) -> None:
    methods = Follower(tmp_path)
    house = Mailbox(MagicMock(), methods, MagicMock(), boot="b")
    house.keep_house()
    assert methods.seen == [("stop", True), ("start", True)]
