"""What a database's agent does unasked."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import pytest

from databases.guest.mailbox import Mailbox
from databases.guest.methods import Methods
from databases.guest.program import serve_again
from databases.guest.volume import NoVolume


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


def test_one_that_asks_first_asks_where_its_volume_came_late_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    methods = Follower(tmp_path)
    methods._keep(asks_first=True)
    methods.server.is_following.return_value = False
    methods.server.process.return_value = 0
    with monkeypatch.context() as late:
        late.setattr(methods, "_mount", MagicMock(side_effect=NoVolume("It is not there.")))
        serve_again(methods)
    Mailbox(MagicMock(), methods, MagicMock(), boot="b").keep_house()
    assert (methods.held, methods.seen) == (True, [])
    methods.start({})  # it is told so
    assert (methods.held, methods.seen) == (False, [("start", True)])
