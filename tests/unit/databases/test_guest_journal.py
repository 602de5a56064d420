"""An order is done once, in its epoch, whatever is lost or said twice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from databases.guest import journal
from databases.guest.journal import Journal


def letter(name: str = "a", *, number: int = 1, epoch: int = 1) -> dict[str, Any]:
    return {"letter": name, "number": number, "epoch": epoch, "method": "guestagent.restart"}


def test_an_order_runs_once(tmp_path: Path) -> None:
    book = Journal(tmp_path / "j", run="1")
    assert book.judge(letter()) == "run"
    assert book.judge(letter()) == "join"
    book.ended(letter(), {"outcome": "DONE"})
    assert book.judge(letter()) == "answer"
    again = Journal(tmp_path / "j", run="2")
    assert again.judge(letter()) == "answer"
    assert again.result("a") == {"outcome": "DONE"}


def test_what_was_under_way_when_the_agent_died_runs_again(tmp_path: Path) -> None:
    assert Journal(tmp_path / "j", run="1").judge(letter()) == "run"
    assert Journal(tmp_path / "j", run="2").judge(letter()) == "run"


def test_an_older_epoch_is_stale_and_none_at_all_is_not(tmp_path: Path) -> None:
    book = Journal(tmp_path / "j", run="1")
    assert book.judge(letter("new", number=2, epoch=7)) == "run"
    assert book.judge(letter("old", number=3, epoch=6)) == "stale"
    assert not book.is_current(letter("old", epoch=6))
    assert book.judge(letter("by hand", number=4, epoch=0)) == "run"
    assert Journal(tmp_path / "j", run="2").epoch == 7


def test_what_was_forgotten_is_not_done_again(tmp_path: Path) -> None:
    book = Journal(tmp_path / "j", run="1")
    for number in range(1, journal.KEPT + 3):
        one = letter(str(number), number=number)
        assert book.judge(one) == "run"
        book.ended(one, {})
    assert book.judge(letter("1", number=1)) == "stale"
    assert book.judge(letter("3", number=3)) == "answer"


def test_a_damaged_journal_is_as_none(tmp_path: Path) -> None:
    (tmp_path / "j").write_text("{")
    assert Journal(tmp_path / "j", run="1").judge(letter()) == "run"
