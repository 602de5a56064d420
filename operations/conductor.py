"""The conductor: what hosts say, believed only about themselves (OPERATIONS 19-22 and 28)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog

from cloudweb.conf import intervals
from cloudweb.database.clock import now
from cloudweb.database.literals import Literal
from cloudweb.database.prepared import Given, Prepared, write_whole
from cloudweb.database.settled import settle
from cloudweb.encryption import decrypt
from cloudweb.events import emit
from cloudweb.identifiers import as_uuid
from cloudweb.killpoints import reach
from cloudweb.messages import Envelope
from cloudweb.objects import IncompatibleObject
from cloudweb.reports import CallAnswer, Notice, Reply, StepReport
from cloudweb.rpc import send_order, send_to_host
from cloudweb.signing import BadSignature, check_age, check_mac
from operations import host_tasks, lost, remotes, restored, services
from operations.doorbell import ring_after_commit
from operations.engine import advance
from operations.events import HostUp
from operations.guard import backoff
from operations.hearing import Incoming, Told, take
from operations.models import Answer, Debt, HostCredential, Operation, Step
from operations.orders import mark_verifier, signed_debt, signed_notice
from operations.periodic import hosts as periodic_hosts
from operations.plan import Plan
from operations.sealing import sealed
from operations.states import OperationState, StepState
from operations.stretch import Stretch
from operations.versions import HostTooOld, debt_for

log = structlog.get_logger(__name__)
Body = dict[str, Any]
MAX_ERROR = 4000
OVERTAKEN = "a newer order took its place"
_KEY = Prepared(
    lambda: HostCredential.objects.filter(host=Given("host")).values_list("key", flat=True)
)


def key_of(host: str) -> bytes:
    """Return the host's key as it is now; raise BadSignature for one that never joined or had to leave."""
    found = _KEY.row(host=host)
    if found is None:
        raise BadSignature(detail=f"unknown host {host!r}")
    return decrypt(found).encode()


def receive(envelope: Body) -> None:
    """Check who sent an envelope and act on it; what is not believed is dropped and logged."""
    try:
        if "mark" in envelope:
            services.note_read(*read_mark(envelope))
            return
        if envelope.get("kind") == "report":
            hear([Incoming(envelope, now())])
            return
        host = str(envelope["host"])
        verified = check_mac(key_of(host), envelope)
        check_age(verified, "envelope", at=now().timestamp())
        message = Envelope.read(verified)
        handler = _HANDLERS[message.kind]
    except (BadSignature, IncompatibleObject, KeyError, TypeError, ValueError) as error:
        log.warning("inbox message refused", error=str(error), detail=getattr(error, "detail", ""))
        return
    try:
        handler(host, message)
    except IncompatibleObject as error:
        log.warning("inbox message refused", host=host, error=str(error), detail=error.detail)


def read_mark(envelope: Body) -> tuple[str, datetime]:
    """Return which control worker put one of our own marks, and when. Raises BadSignature."""
    mark = mark_verifier().verify(envelope)
    return str(mark["mark"]), datetime.fromtimestamp(float(mark["put_at"]), UTC)


def _reply(host: str, message: Envelope) -> None:
    accept_reply(host, Reply.load(message.body).step)


def accept_reply(host: str, said: StepReport, *, at_once: bool = True) -> bool:
    """Take a reply (or its echo in a report); tell whether it was accepted.

    The operation goes on in this thread, or, if not ``at_once``, in that of whoever hears the doorbell.
    """
    if said.direction == "debt":
        return _accept_payment(host, said)
    operation_id = as_uuid(said.op)
    if said.attempt is None or operation_id is None:
        return False
    accepted = False

    def accept(work: Stretch, operation: Operation, plan: Plan) -> bool:
        nonlocal accepted
        step = plan.find(said.seq, said.direction)
        accepted = step is not None and _is_awaited(step, host, said)
        if step is None or not accepted:
            return False
        wait = _record(step, said)
        goes_on = wait is None and not plan.awaits_more()
        if wait is not None or (goes_on and not at_once):
            Operation.objects.filter(id=operation.id, state=OperationState.WAITING).update(
                state=OperationState.READY, next_at=now() + (wait or timedelta(0))
            )
        if goes_on and not at_once:
            ring_after_commit(operation.id)
        work.has_moved = True
        reach("accept.before_commit", step.place)
        work.committed("accept.after_commit", step.place)
        return goes_on and at_once

    advance(operation_id, accept=accept)
    return accepted


def _is_awaited(step: Step, host: str, said: StepReport) -> bool:
    """Tell whether this is the answer to the newest order about the step (OPERATIONS 19)."""
    return (step.state, step.attempt, step.host) == (StepState.STARTED, said.attempt, host)


def _record(step: Step, said: StepReport) -> timedelta | None:
    """Write what the host answered; return how long to wait before the next try, if there is one."""
    step.heard_at = step.ended_at = now()
    wait: timedelta | None = None
    if said.outcome == "DONE":
        step.state, step.result, step.progress = StepState.DONE, sealed(said.result), 100
    elif said.outcome == "STALE":
        restored.catch_up(said.epoch)
        step.ended_at = step.heard_at = None
        wait = timedelta(0)
    else:
        step.state = StepState.FAILED
        step.failures, step.final = step.failures + 1, said.outcome != "TRANSIENT"
        step.error_code = said.error.get("code", "driver_error")[:64]
        step.error_public = said.error.get("public", "")[:MAX_ERROR]
        step.error_detail = said.error.get("detail", "")[:MAX_ERROR]
        wait = None if step.final else backoff(step.failures)
    write_whole(step)
    return wait


def _accept_payment(host: str, said: StepReport) -> bool:
    debts = Debt.objects.filter(id=said.op, host=host, paid_at__isnull=True)
    if said.outcome == "DONE":
        return bool(debts.update(paid_at=now()))
    if (
        said.outcome == "STALE"
    ):  # a newer order about the scope took its place, and decides what is there
        restored.catch_up(said.epoch)
        return bool(debts.update(paid_at=now(), error_detail=OVERTAKEN))
    detail = said.error.get("detail", "")[:MAX_ERROR]
    return bool(debts.update(error_detail=detail, handed_at=None))


def _answer(host: str, message: Envelope) -> None:
    """Hand the answer of a call to whoever waits for it; nobody else may fill the row."""
    said = CallAnswer.load(message.body)
    waiting = Answer.objects.filter(id=said.call, host=host, body__isnull=True)
    waiting.update(body=said.model_dump(mode="json"))


def hear(
    reports: Sequence[Incoming],
    *,
    ended: Callable[[str, Sequence[StepReport]], None] = lambda host, said: accept_ended(
        host, said
    ),
) -> None:
    """Take what hosts report, any number together, and answer with debts and questions.

    ``ended`` takes the steps of a host that ended, now or soon: each is a transaction, they may be many.
    """
    answers: list[Told] = []
    for one in take(reports):
        report, running = one.report, one.running
        taken = {domain: one.taken_at(domain) for domain in running}
        for domain in one.came_up:
            emit(HostUp(one.host, domain))
        if report.steps or one.known.is_awaited:
            ended(one.host, _note_steps(one.host, taken, report.steps, sent_at=one.seen_at))
        if one.known.owes:
            hand_out_debts(one.host, taken)
        if report.periodic is not None:
            periodic_hosts.note(one.host, running.keys(), report.periodic)
        if one.is_taken and running and (report.init or report.wants_answer):
            answers.append(one)
    if any(one.report.wants_answer for one in answers):
        settle()  # hosts forget the facts that they told
    for one in answers:
        _answer_report(one, domain=next(iter(one.running)))


def accept_ended(host: str, said: Sequence[StepReport]) -> None:
    """Take what a host reported of steps that ended, as if it were its replies."""
    for step in said:
        accept_reply(host, step, at_once=False)


def _note_steps(
    host: str,
    taken: Mapping[str, datetime | None],
    said: Sequence[StepReport],
    *,
    sent_at: datetime,
) -> Sequence[StepReport]:
    """Compare what the host works on with what it was ordered (OPERATIONS 21, 22 and 45).

    ``taken`` is by domain up to when it has taken what is in that queue, as far as it can say.
    Only steps that are waited for are looked up: a report repeats what ended in the last five minutes.
    Return those of them that ended; they too are heard of, so that they are not ordered again meanwhile.
    """
    known = {(step.op, step.seq, step.direction): step for step in said}
    moment = now()
    for step in said:
        if step.direction == "debt":
            _note_debt(host, step, moment)
    going: list[tuple[Step, StepReport]] = []
    asks: set[str] = set()
    for row in Step.objects.filter(host=host, state=Literal(StepState.STARTED)):
        domain = row.scope.partition(":")[0]
        if domain not in taken:
            continue
        heard = known.get((str(row.operation_id), row.seq, row.direction))
        if heard is None or heard.attempt not in (None, row.attempt):
            if not _look_for_lost(row, min(moment, sent_at), taken[domain]):
                asks.add(domain)
        else:
            going.append((row, heard))
    for domain in asks:
        lost.ask(host, domain)
    host_tasks.note_progress(going, moment)
    return [heard for _, heard in going if heard.outcome != "EXECUTING"]


def _note_debt(host: str, said: StepReport, moment: datetime) -> None:
    """Take a payment; what the host works on is not handed out again."""
    if said.outcome != "EXECUTING":
        _accept_payment(host, said)
    else:
        Debt.objects.filter(id=said.op, host=host, paid_at__isnull=True).update(handed_at=moment)


def _look_for_lost(row: Step, sent_at: datetime, taken_at: datetime | None) -> bool:
    """Look at once at a step that its host knew and knows no more, or that never came to it.

    It is ordered again without counting a failure. Return False where only the host can tell: the order
    is due to be named, but may lie unread in its queue.
    """
    cast_at = row.cast_at or row.started_at or sent_at
    if row.heard_at is None and not lost.would_be_named(
        cast_at, seen_at=sent_at, taken_at=taken_at
    ):
        return not lost.would_be_named(cast_at, seen_at=sent_at, taken_at=None)
    if row.heard_at is not None:
        mine = Step.objects.filter(id=row.id, state=StepState.STARTED, attempt=row.attempt)
        mine.update(heard_at=None, cast_at=None)
    _look_again(row, now())
    return True


def _look_again(row: Step, due: datetime) -> None:
    Operation.objects.filter(id=row.operation_id, state=OperationState.WAITING).update(next_at=due)


def hand_out_debts(host: str, taken: Mapping[str, datetime | None]) -> int:
    """Ask the host to pay what it owes; again when it has not after a while. Return how many.

    ``taken`` is by domain up to when it has taken what is in that queue, as far as it can say.
    """
    moment = now()
    again = moment - timedelta(seconds=intervals().order_retry)
    asked = 0
    speaks: dict[str, Mapping[str, str]] = {}
    asks: set[str] = set()
    for debt in Debt.objects.filter(host=host, paid_at__isnull=True):
        domain = debt.scope.partition(":")[0]
        if domain not in taken:
            continue
        if debt.handed_at is not None and debt.handed_at > again:
            continue
        has_read = taken[domain]
        if debt.handed_at is not None and has_read is not None and has_read < debt.handed_at:
            asks.add(domain)
            continue
        if domain not in speaks:
            speaks[domain] = services.peer(host, domain).speaks
        try:
            payload = debt_for(debt, speaks[domain])
        except HostTooOld as error:  # looked at again after the same while
            log.warning("a host is too old for what it owes", host=host, detail=error.detail)
            Debt.objects.filter(id=debt.id).update(handed_at=moment, error_detail=error.detail)
            continue
        debt.handed_at, debt.attempts = moment, debt.attempts + 1
        debt.save(update_fields=["handed_at", "attempts"])
        send_order(host, debt.method, signed_debt(debt, payload))
        asked += 1
    for domain in asks:
        lost.ask(host, domain)
    return asked


def _answer_report(one: Told, *, domain: str) -> None:
    """Tell a host that what it told is committed; at its start also that all it has is asked for."""
    notice = Notice(
        boot_id=one.boot_id,
        heard=one.seq,
        send_inventory=one.report.init,
        now=now().timestamp(),
        hears=remotes.heard(),
    )
    signed = signed_notice(notice, host=one.host, domain=domain)
    send_to_host(one.host, domain, f"{domain}.notice", signed)


_HANDLERS: dict[str, Callable[[str, Envelope], None]] = {
    "reply": _reply,
    "answer": _answer,
    "object_action": remotes.act,
}
