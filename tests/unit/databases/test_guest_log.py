"""A database's agent sends its log: whatever is lost on the way, it goes on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import pytest

from databases.guest.channel import Away, Denied
from databases.guest.drivers.logging import LogPiece, LogPlace
from databases.guest.failures import GuestFailure
from databases.guest.log_keeping import LogKeeper
from databases.guest.methods import Methods

TOLD = {"archive": "a", "url": "http://store/{number}", "every": 0, "most": 1, "number": 1}


class Source(Methods):
    """A datastore whose log ends at the next position each time, and a store that takes no number twice."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self._keep(log={**TOLD, "run": "r", "position": "0/0", "history": "1"})
        self.named: list[int] = []
        self.ends = 0
        self.transfers = MagicMock()
        self.transfers.send_output.side_effect = self.take

    def take(self, _programs: Any, target: dict[str, Any], **_where: Any) -> dict[str, Any]:
        """Take a piece, as the control plane does."""
        number = int(target["urls"][0].rpartition("/")[2])
        if number in self.named:
            raise GuestFailure("The backup store refused the data.")
        return {"parts": [{"etag": f"piece {number} to {self.ends}"}]}

    def store(self) -> Any:
        """Return the datastore."""

        @contextmanager
        def piece(begun: LogPlace) -> Iterator[LogPiece]:
            self.ends += 1
            yield LogPiece((), f"0/{self.ends}", "2026-11-29T00:00:00Z", lambda: None)

        store = MagicMock()
        store.is_following.return_value = False
        store.log_piece = piece
        return store


@pytest.mark.parametrize("is_restarted", [False, True])
def test_a_piece_whose_naming_was_not_heard_is_named_again(
    tmp_path: Path, is_restarted: bool
) -> None:
    methods, said, heard = Source(tmp_path), list[dict[str, Any]](), False

    def say(word: dict[str, Any]) -> None:
        said.append(word["data"])
        methods.named.append(word["data"]["number"])  # it is, whether the answer comes or not
        if not heard:
            raise Away("the answer is lost")

    keeper = LogKeeper(methods, say)
    with pytest.raises(Away):
        keeper.send()
    if is_restarted:
        log = methods.kept["log"]
        methods = Source(tmp_path)
        methods._keep(log=log)
        methods.named, methods.ends = [1], 1
        keeper = LogKeeper(methods, say)
    heard = True
    assert not keeper.send()
    assert said[1] == said[0]
    assert not keeper.send()
    assert [(one["number"], one["since"], one["position"]) for one in said[1:]] == [
        (1, "0/0", "0/1"),
        (2, "0/1", "0/2"),
    ]


def test_a_piece_that_is_not_believed_is_sent_again(tmp_path: Path) -> None:
    methods, answers = Source(tmp_path), [Denied(404, "no"), None]

    def say(_word: dict[str, Any]) -> None:
        if error := answers.pop(0):
            raise error

    keeper = LogKeeper(methods, say)
    with pytest.raises(Denied):
        keeper.send()
    assert not keeper.send()
    assert methods.transfers.send_output.call_count == 2
    assert methods.kept["log"]["number"] == 2
