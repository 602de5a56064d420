"""How a saga talks to a guest: one step writes a letter, the next waits for its answer.

The letter is written in the step's own transaction. The mailbox wakes the operation when the guest
has answered; without a guest that asks for its letters the saga waits, shown, until the deadline.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from cloudweb.database.clock import now
from cloudweb.exceptions import NotYet
from cloudweb.objects import VersionedObject
from cloudweb.rpc import Method
from databases import conf, fake_guest
from databases.mail import written
from databases.models import DatabaseInstance, Letter
from databases.operations.rows import instance_of
from databases.states import LetterState
from operations.saga import NEEDLESS, Run, Step, StepFailed, TookTooLong

Payload = Callable[[Run], VersionedObject | None]


def asks(
    name: str,
    method: Method[Any],
    payload: Payload,
    *,
    to: Callable[[Run], DatabaseInstance] = instance_of,
    back: Callable[[Run], tuple[Method[Any], VersionedObject]] | None = None,
    deadline: timedelta | None = None,
    pivot: bool = False,
    fails: bool = True,
    in_turn: bool = True,
) -> tuple[Step, Step]:
    """Return the two steps that have a guest do something; no payload: nothing is to be done.

    ``to`` whose guest, where it is not that of the operation's own instance.
    ``back`` says what takes it back: the guest is told, after all it was told before, and not waited for.
    With ``fails`` false what the guest fails with is its answer, too (``error_of``). With ``in_turn`` false the
    guest takes it after what a later operation told it, too: the operation does not hold that instance.
    """
    within = deadline or timedelta(seconds=method.deadline)

    def tell(run: Run) -> Mapping[str, Any]:
        said = payload(run)
        if said is None:
            return NEEDLESS
        letter = written(
            to(run),
            method,
            said,
            within=within,
            operation=run.operation.id,
            epoch=run.operation.epoch if in_turn else 0,
        )
        return {"letter": str(letter.id)}

    def withdraw(run: Run) -> None:
        if run.result and run.result != NEEDLESS:
            Letter.objects.filter(id=run.result["letter"]).exclude(
                state=LetterState.ANSWERED
            ).update(state=LetterState.WITHDRAWN)

    def hear(run: Run) -> Mapping[str, Any]:
        told = run.results.get(f"tell_{name}")
        if not told or told == NEEDLESS:
            return NEEDLESS
        letter = Letter.objects.select_related("instance__version").get(id=told["letter"])
        if conf.GUESTS == "fake" and letter.state == LetterState.POSTED:
            fake_guest.answer(letter)
        if letter.state == LetterState.ANSWERED:
            if letter.error is not None:
                if not fails:
                    return {"answer": None, "error": letter.error}
                raise StepFailed(letter.error["public"], detail=letter.error.get("detail", ""))
            return {"answer": letter.answer}
        if letter.deadline_at <= now():
            raise TookTooLong("The database's guest did not answer in time.")
        raise NotYet("The database's guest has not answered yet.")

    def turn_back(run: Run) -> None:
        if back is None or run.results.get(f"tell_{name}") in (None, NEEDLESS):
            return
        contrary, said = back(run)
        letter = written(
            to(run),
            contrary,
            said,
            within=timedelta(seconds=contrary.deadline),
            operation=run.operation.id,
            epoch=run.operation.epoch,
        )
        if conf.GUESTS == "fake":
            fake_guest.answer(letter)

    return (
        Step(f"tell_{name}", tell, undo=withdraw),
        Step(f"hear_{name}", hear, undo=turn_back if back else None, pivot=pivot),
    )


def answer_to(run: Run, name: str, kind: type[VersionedObject]) -> Any:
    """Return what the guest said, or None where it was not asked."""
    heard = run.results.get(f"hear_{name}")
    return kind.load(heard["answer"]) if heard and heard.get("answer") is not None else None


def error_of(run: Run, name: str) -> dict[str, str] | None:
    """Return what the guest failed with, where that did not end the saga."""
    heard = run.results.get(f"hear_{name}")
    return heard.get("error") if heard else None
