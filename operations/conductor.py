"""The conductor: what hosts say, believed only about themselves (OPERATIONS 19-22 and 28)."""

from __future__ import annotations

from collections.abc import Callable
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
from cloudweb.rpc import WELCOME, send_order, send_to_host
from cloudweb.signing import BadSignature, check_age, check_mac
from cloudweb.topics import host_topic
from operations import epoch, services
from operations.engine import advance
from operations.guard import backoff
from operations.models import Answer, Debt, HostCredential, Operation, Service, Step
from operations.orders import signed_debt, signer
from operations.states import OperationState, StepState

log = structlog.get_logger(__name__)
Body = dict[str, Any]
MAX_ERROR = 4000


def key_of(host: str) -> bytes:
    """Return the host's key as it is now; raise BadSignature for one that never joined or had to leave."""
    found = HostCredential.objects.filter(host=host).values_list("key", flat=True).first()
    if found is None:
        raise BadSignature(detail=f"unknown host {host!r}")
    return decrypt(found).encode()


def receive(envelope: Body) -> None:
    """Check who sent an envelope and act on it; what is not believed is dropped and logged."""
    try:
        host = str(envelope["host"])
        message = check_mac(key_of(host), envelope)
        check_age(message, "envelope", at=now().timestamp())
        handler = _HANDLERS[message["kind"]]
    except (BadSignature, KeyError, TypeError, ValueError) as error:
        log.warning("inbox message refused", error=str(error), detail=getattr(error, "detail", ""))
        return
    handler(host, message)


def _reply(host: str, message: Body) -> None:
    accept_reply(host, message["body"])


def accept_reply(host: str, body: Body) -> bool:
    """Take a reply (or its echo in a report); tell whether it was accepted."""
    if body.get("direction") == "debt":
        return _accept_payment(host, body)
    with transaction.atomic():
        operation = locked(
            Operation.objects.filter(id=body["op"], state=OperationState.WAITING)
        ).first()
        if operation is None:
            return False
        step = Step.objects.filter(
            operation=operation,
            seq=body["seq"],
            direction=body["direction"],
            attempt=body["attempt"],
            state=StepState.STARTED,
            host=host,
        ).first()
        if step is None:
            return False
        wait = _record(step, body)
        others = Step.objects.filter(operation=operation, state=StepState.STARTED)
        if wait is not None or not others.exists():
            due = now() + (wait or timedelta(0))
            Operation.objects.filter(id=operation.id).update(
                state=OperationState.READY, next_at=due
            )
        reach("accept.before_commit")
    reach("accept.after_commit")
    if wait is None:
        advance(operation.id)
    return True


def _record(step: Step, body: Body) -> timedelta | None:
    """Write what the host answered; return how long to wait before the next try, if there is one."""
    outcome = body["outcome"]
    step.heard_at = step.ended_at = now()
    wait: timedelta | None = None
    if outcome == "DONE":
        step.state, step.result, step.progress = StepState.DONE, body.get("result") or {}, 100
    elif outcome == "STALE":
        epoch.raise_above(int(body.get("epoch", 0)))
        step.ended_at = None
        wait = timedelta(0)
    else:
        error = body.get("error") or {}
        step.state = StepState.FAILED
        step.failures, step.final = step.failures + 1, outcome != "TRANSIENT"
        step.error_code = str(error.get("code", "driver_error"))[:64]
        step.error_public = str(error.get("public", ""))[:MAX_ERROR]
        step.error_detail = str(error.get("detail", ""))[:MAX_ERROR]
        wait = None if step.final else backoff(step.failures)
    step.save()
    return wait


def _accept_payment(host: str, body: Body) -> bool:
    debts = Debt.objects.filter(id=body["op"], host=host, paid_at__isnull=True)
    if body["outcome"] == "DONE":
        paid = debts.update(paid_at=now())
        if paid:
            events.emit("debt.paid", host=host, debt_id=str(body["op"]))
        return bool(paid)
    detail = str((body.get("error") or {}).get("detail", ""))[:MAX_ERROR]
    return bool(debts.update(error_detail=detail, handed_at=None))


def _answer(host: str, message: Body) -> None:
    """Hand the answer of a call to whoever waits for it; nobody else may fill the row."""
    body = message["body"]
    Answer.objects.filter(id=body["call"], host=host, body__isnull=True).update(body=body)


def _report(host: str, message: Body) -> None:
    """Take a host's report: services, steps, load, events; answer with debts and questions."""
    body = message["body"]
    if not _is_news(host, message):
        log.warning(
            "report dropped: a later one was heard, or the host's clock went back",
            host=host,
            seq=message["seq"],
        )
        return
    if int(body.get("epoch", 0)) > 0:
        epoch.raise_above(int(body["epoch"]))
    came_up = _note_services(host, message)
    domains = {service["domain"] for service in body["services"]}
    events.emit(
        "host.reported",
        host=host,
        services=body["services"],
        load=body.get("load"),
        inventory=body.get("inventory"),
    )
    for fact in body.get("events", ()):
        events.emit("host.fact", host=host, fact=fact)
    for domain in came_up:
        events.emit("host.up", host=host, domain=domain)
    _note_steps(host, domains, body.get("steps", ()))
    hand_out_debts(host, domains)
    _answer_report(host, body)


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


def _note_services(host: str, message: Body) -> list[str]:
    """Write that the host's services were seen; return the domains that were down until now."""
    body = message["body"]
    wanted = [(s["topic"], s["domain"], host) for s in body["services"]]
    came_up = []
    for topic, row in services.ensure(wanted).items():
        said = next(s for s in body["services"] if s["topic"] == topic)
        restarted = row.boot_id != message["boot_id"]
        if not row.is_up or restarted:
            came_up.append(row.domain)
        values: Body = {"last_seen_at": now(), "is_up": True, "seq": message["seq"]}
        if restarted:
            values |= {
                "boot_id": message["boot_id"],
                "version": said["version"],
                "speaks": said["speaks"],
                "up_since": now(),
            }
        Service.objects.filter(id=row.id).update(**values)
    return came_up


def _note_steps(host: str, domains: set[str], said: list[Body]) -> None:
    """Compare what the host works on with what it was ordered (OPERATIONS 21 and 22).

    Only steps that are waited for are looked up: a report repeats what ended in the last five minutes.
    """
    known = {(s["op"], s["seq"], s["direction"]): s for s in said}
    for step in said:
        if step["direction"] == "debt" and step["outcome"] != "EXECUTING":
            accept_reply(host, step)
    moment = now()
    for row in Step.objects.filter(host=host, state=StepState.STARTED):
        if row.scope.partition(":")[0] not in domains:
            continue
        heard = known.get((str(row.operation_id), row.seq, row.direction))
        if heard is not None and heard["outcome"] != "EXECUTING":
            accept_reply(host, heard)
        else:
            _look_again_at(row, heard, moment)


def _look_again_at(row: Step, running: Body | None, moment: datetime) -> None:
    """Put off the next look at a step that runs; look at once at one whose order was lost."""
    limits = intervals()
    if running is not None:
        Step.objects.filter(id=row.id, state=StepState.STARTED).update(
            heard_at=moment,
            progress=running.get("progress", 0),
            progress_text=str(running.get("text", ""))[:200],
        )
        due = moment + timedelta(seconds=limits.order_retry)
    elif (moment - (row.started_at or moment)).total_seconds() > limits.lost_order:
        due = moment  # the order was lost: give it again, without counting a failure
    else:
        return
    if row.deadline_at is not None:
        due = min(due, row.deadline_at)
    Operation.objects.filter(id=row.operation_id, state=OperationState.WAITING).update(next_at=due)


def hand_out_debts(host: str, domains: set[str]) -> int:
    """Ask the host to pay what it owes; again when it has not after a while. Return how many."""
    moment = now()
    again = moment - timedelta(seconds=intervals().order_retry)
    asked = 0
    for debt in Debt.objects.filter(host=host, paid_at__isnull=True):
        if debt.scope.partition(":")[0] not in domains:
            continue
        if debt.handed_at is not None and debt.handed_at > again:
            continue
        debt.handed_at, debt.attempts = moment, debt.attempts + 1
        debt.save(update_fields=["handed_at", "attempts"])
        send_order(host, debt.method, signed_debt(debt))
        asked += 1
    return asked


def _answer_report(host: str, body: Body) -> None:
    """Tell the host what the control plane wants to know, and that it was heard at start-up."""
    if not (body.get("init") or body.get("want_answer")):
        return
    for service in body["services"]:
        notice = {
            "kind": WELCOME,
            "boot_id": body.get("boot_id", ""),
            "send_inventory": True,
            "now": now().timestamp(),
        }
        domain = service["domain"]
        signed = signer().sign(notice, topic=host_topic(domain, host))
        send_to_host(host, domain, f"{domain}.notice", signed)


_HANDLERS: dict[str, Callable[[str, Body], None]] = {
    "reply": _reply,
    "report": _report,
    "answer": _answer,
}
