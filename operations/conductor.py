"""The conductor: what hosts say, believed only about themselves (OPERATIONS 19-22 and 28)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from django.db import transaction
from django.db.models import Q

from cloudweb import events
from cloudweb.conf import intervals
from cloudweb.database.clock import now
from cloudweb.database.locks import locked
from cloudweb.encryption import decrypt
from cloudweb.killpoints import reach
from cloudweb.objects import IncompatibleObject
from cloudweb.reports import CallAnswer, Notice, Reply, Report, ServiceReport, StepReport
from cloudweb.rpc import send_order, send_to_host
from cloudweb.signing import BadSignature, check_age, check_mac
from cloudweb.topics import HOST_DOMAINS, host_topic
from operations import epoch, reporting, services
from operations.engine import advance
from operations.guard import backoff
from operations.models import Answer, Debt, HostCredential, Operation, Service, Step
from operations.orders import mark_verifier, signed_debt, signer
from operations.periodic import hosts as periodic_hosts
from operations.states import OperationState, StepState
from operations.versions import HostTooOld, debt_for

log = structlog.get_logger(__name__)
Body = dict[str, Any]
MAX_ERROR = 4000
QUEUED = "It waits for its turn on the host."


def key_of(host: str) -> bytes:
    """Return the host's key as it is now; raise BadSignature for one that never joined or had to leave."""
    found = HostCredential.objects.filter(host=host).values_list("key", flat=True).first()
    if found is None:
        raise BadSignature(detail=f"unknown host {host!r}")
    return decrypt(found).encode()


def receive(envelope: Body) -> None:
    """Check who sent an envelope and act on it; what is not believed is dropped and logged."""
    try:
        if "mark" in envelope:
            _mark(envelope)
            return
        host = str(envelope["host"])
        message = check_mac(key_of(host), envelope)
        check_age(message, "envelope", at=now().timestamp())
        handler = _HANDLERS[message["kind"]]
    except (BadSignature, KeyError, TypeError, ValueError) as error:
        log.warning("inbox message refused", error=str(error), detail=getattr(error, "detail", ""))
        return
    try:
        handler(host, message)
    except IncompatibleObject as error:
        log.warning("inbox message refused", host=host, error=str(error), detail=error.detail)


def _mark(envelope: Body) -> None:
    """Note that the inbox is read as far as one of our own marks."""
    mark = mark_verifier().verify(envelope)
    put_at = datetime.fromtimestamp(float(mark["put_at"]), UTC)
    services.note_inbox_read(str(mark["mark"]), put_at)


def _reply(host: str, message: Body) -> None:
    accept_reply(host, Reply.load(message["body"]).step)


def accept_reply(host: str, said: StepReport) -> bool:
    """Take a reply (or its echo in a report); tell whether it was accepted."""
    if said.direction == "debt":
        return _accept_payment(host, said)
    if said.attempt is None:
        return False
    with transaction.atomic():
        operation = locked(
            Operation.objects.filter(id=said.op, state=OperationState.WAITING)
        ).first()
        if operation is None:
            return False
        step = Step.objects.filter(
            operation=operation,
            seq=said.seq,
            direction=said.direction,
            attempt=said.attempt,
            state=StepState.STARTED,
            host=host,
        ).first()
        if step is None:
            return False
        wait = _record(step, said)
        others = Step.objects.filter(operation=operation, state=StepState.STARTED)
        if wait is not None or not others.exists():
            due = now() + (wait or timedelta(0))
            Operation.objects.filter(id=operation.id).update(
                state=OperationState.READY, next_at=due
            )
        reach("accept.before_commit", step.place)
    reach("accept.after_commit", step.place)
    if wait is None:
        advance(operation.id)
    return True


def _record(step: Step, said: StepReport) -> timedelta | None:
    """Write what the host answered; return how long to wait before the next try, if there is one."""
    step.heard_at = step.ended_at = now()
    wait: timedelta | None = None
    if said.outcome == "DONE":
        step.state, step.result, step.progress = StepState.DONE, said.result, 100
    elif said.outcome == "STALE":
        epoch.raise_above(said.epoch)
        step.ended_at = step.heard_at = None
        wait = timedelta(0)
    else:
        step.state = StepState.FAILED
        step.failures, step.final = step.failures + 1, said.outcome != "TRANSIENT"
        step.error_code = said.error.get("code", "driver_error")[:64]
        step.error_public = said.error.get("public", "")[:MAX_ERROR]
        step.error_detail = said.error.get("detail", "")[:MAX_ERROR]
        wait = None if step.final else backoff(step.failures)
    step.save()
    return wait


def _accept_payment(host: str, said: StepReport) -> bool:
    debts = Debt.objects.filter(id=said.op, host=host, paid_at__isnull=True)
    if said.outcome == "DONE":
        paid = debts.update(paid_at=now())
        if paid:
            events.emit("debt.paid", host=host, debt_id=said.op)
        return bool(paid)
    detail = said.error.get("detail", "")[:MAX_ERROR]
    return bool(debts.update(error_detail=detail, handed_at=None))


def _answer(host: str, message: Body) -> None:
    """Hand the answer of a call to whoever waits for it; nobody else may fill the row."""
    said = CallAnswer.load(message["body"])
    waiting = Answer.objects.filter(id=said.call, host=host, body__isnull=True)
    waiting.update(body=said.model_dump(mode="json"))


def _report(host: str, message: Body) -> None:
    """Take a host's report, hand each domain its part, and answer with debts and questions."""
    report = Report.load(message["body"])
    sent_at = datetime.fromtimestamp(float(message["sent_at"]), UTC)
    if not _is_news(host, message):
        log.warning(
            "report dropped: a later one was heard, or the host's clock went back",
            host=host,
            seq=message["seq"],
        )
        return
    if report.epoch > 0:
        epoch.raise_above(report.epoch)
    # A host is believed about its own topics: it names domains, and its name comes from its key.
    running = {one.domain: one for one in report.services if one.domain in HOST_DOMAINS}
    came_up = _note_services(host, message, running)
    parts = {domain: part for domain, part in report.parts.items() if domain in running}
    reporting.deliver(host, parts)
    for domain in came_up:
        events.emit("host.up", host=host, domain=domain)
    _note_steps(host, running.keys(), report.steps, sent_at=sent_at)
    hand_out_debts(host, running.keys())
    if report.periodic is not None:
        periodic_hosts.note(host, running.keys(), report.periodic)
    if running and (report.init or report.wants_answer):
        _answer_report(host, message, domain=next(iter(running)), init=report.init)


def _is_news(host: str, message: Body) -> bool:
    """Tell whether this is the newest report of its host, and note it: each is taken once, by one process.

    Within a start of the host its numbers decide; a report of another start must have been sent later.
    """
    boot_id, seq = str(message["boot_id"]), int(message["seq"])
    sent_at = datetime.fromtimestamp(float(message["sent_at"]), UTC)
    same_start = Q(boot_id=boot_id, seq__lt=seq)
    later_start = ~Q(boot_id=boot_id) & (Q(sent_at__isnull=True) | Q(sent_at__lt=sent_at))
    newer = HostCredential.objects.filter(same_start | later_start, host=host)
    return bool(newer.update(boot_id=boot_id, seq=seq, sent_at=sent_at))


def _note_services(host: str, message: Body, running: Mapping[str, ServiceReport]) -> list[str]:
    """Write that the host's services were seen; return the domains that were down until now."""
    wanted = [(host_topic(domain, host), domain, host) for domain in running]
    came_up = []
    for row in services.ensure(wanted).values():
        said = running[row.domain]
        restarted = row.boot_id != message["boot_id"]
        if not row.is_up or restarted:
            came_up.append(row.domain)
        values: Body = {"last_seen_at": now(), "is_up": True, "seq": message["seq"]}
        if restarted:
            values |= {
                "boot_id": message["boot_id"],
                "version": said.version,
                "speaks": said.speaks,
                "up_since": now(),
            }
        Service.objects.filter(id=row.id).update(**values)
    return came_up


def _note_steps(
    host: str, domains: Collection[str], said: Sequence[StepReport], *, sent_at: datetime
) -> None:
    """Compare what the host works on with what it was ordered (OPERATIONS 21, 22 and 45).

    Only steps that are waited for are looked up: a report repeats what ended in the last five minutes.
    """
    known = {(step.op, step.seq, step.direction): step for step in said}
    moment = now()
    for step in said:
        if step.direction == "debt":
            _note_debt(host, step, moment)
    for row in Step.objects.filter(host=host, state=StepState.STARTED):
        if row.scope.partition(":")[0] not in domains:
            continue
        heard = known.get((str(row.operation_id), row.seq, row.direction))
        if heard is None or heard.attempt not in (None, row.attempt):
            _look_for_lost(row, min(moment, sent_at))
        elif heard.outcome == "EXECUTING":
            _note_progress(row, heard, moment)
        else:
            accept_reply(host, heard)


def _note_debt(host: str, said: StepReport, moment: datetime) -> None:
    """Take a payment; what the host works on is not handed out again."""
    if said.outcome != "EXECUTING":
        _accept_payment(host, said)
    else:
        Debt.objects.filter(id=said.op, host=host, paid_at__isnull=True).update(handed_at=moment)


def _note_progress(row: Step, heard: StepReport, moment: datetime) -> None:
    """Note that the host has the order, and put off the next look at it.

    Its time starts when it no longer waits for its turn (OPERATIONS 45).
    """
    queued = heard.queued or heard.attempt is None
    if not queued and row.executing_at is None and row.time_limit is not None:
        row.executing_at = moment
        row.deadline_at = moment + timedelta(seconds=row.time_limit)
    Step.objects.filter(id=row.id, state=StepState.STARTED, attempt=row.attempt).update(
        heard_at=moment,
        executing_at=row.executing_at,
        deadline_at=row.deadline_at,
        progress=min(100, max(0, heard.progress)),
        progress_text=QUEUED if queued else heard.text[:200],
    )
    due = moment + timedelta(seconds=intervals().order_retry)
    if row.deadline_at is not None:
        due = min(due, row.deadline_at)
    _look_again(row, due)


def _look_for_lost(row: Step, sent_at: datetime) -> None:
    """Look at once at a step that its host knew and knows no more, or that never came to it.

    It is ordered again without counting a failure.
    """
    cast_at = row.cast_at or row.started_at or sent_at
    if row.heard_at is None and (sent_at - cast_at).total_seconds() <= intervals().lost_order:
        return
    if row.heard_at is not None:
        mine = Step.objects.filter(id=row.id, state=StepState.STARTED, attempt=row.attempt)
        mine.update(heard_at=None)
    _look_again(row, now())


def _look_again(row: Step, due: datetime) -> None:
    Operation.objects.filter(id=row.operation_id, state=OperationState.WAITING).update(next_at=due)


def hand_out_debts(host: str, domains: Collection[str]) -> int:
    """Ask the host to pay what it owes; again when it has not after a while. Return how many."""
    moment = now()
    again = moment - timedelta(seconds=intervals().order_retry)
    asked = 0
    speaks: dict[str, Mapping[str, str]] = {}
    for debt in Debt.objects.filter(host=host, paid_at__isnull=True):
        if debt.scope.partition(":")[0] not in domains:
            continue
        if debt.handed_at is not None and debt.handed_at > again:
            continue
        domain = debt.scope.partition(":")[0]
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
    return asked


def _answer_report(host: str, message: Body, *, domain: str, init: bool) -> None:
    """Tell a host that what it told is committed; at its start also that all it has is asked for."""
    notice = Notice(
        boot_id=str(message["boot_id"]),
        heard=int(message["seq"]),
        send_inventory=init,
        now=now().timestamp(),
    )
    signed = signer().sign({"notice": notice.dump()}, topic=host_topic(domain, host))
    send_to_host(host, domain, f"{domain}.notice", signed)


_HANDLERS: dict[str, Callable[[str, Body], None]] = {
    "reply": _reply,
    "report": _report,
    "answer": _answer,
}
