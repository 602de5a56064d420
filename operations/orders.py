"""Orders as they go over the wire: signed, dated, with the place of the step they belong to."""

from __future__ import annotations

from functools import cache
from typing import Any

from cloudweb.database.clock import now
from cloudweb.messages import Message, NoticeMessage, Question, StepOrder
from cloudweb.reports import Notice
from cloudweb.rpc import Order
from cloudweb.signing import OrderSigner, OrderVerifier
from cloudweb.topics import REPORTS, host_topic
from operations.models import Debt, Operation, Step


@cache
def signer() -> OrderSigner:
    """Return the cloud's signer."""
    return OrderSigner.load()


def signed_for(host: str, message: StepOrder | Question) -> dict[str, Any]:
    """Return a message about a method as only this host takes it."""
    return signed_message(message, host=host, domain=message.method.partition(".")[0])


def signed_message(message: Message, *, host: str, domain: str) -> dict[str, Any]:
    """Return a message as only this host takes it, from the queue of this domain."""
    return signer().sign(message.flat(), topic=host_topic(domain, host))


def signed_for_guest(instance_id: str, message: Message) -> dict[str, Any]:
    """Return a letter as only this database's guest takes it."""
    return signer().sign(message.flat(), topic=f"guestagent.{instance_id}")


def signed_notice(notice: Notice, *, host: str, domain: str) -> dict[str, Any]:
    """Return a notice as only this host takes it."""
    return signed_message(NoticeMessage(notice=notice.dump()), host=host, domain=domain)


def signed_mark(topic: str) -> dict[str, Any]:
    """Return a mark that a control worker puts between what hosts say, to see when it is read."""
    return signer().sign({"mark": topic, "put_at": now().timestamp()}, topic=REPORTS)


@cache
def mark_verifier() -> OrderVerifier:
    """Return what tells our own marks from forged ones."""
    return OrderVerifier(signer().public_pem(), topics=(REPORTS,))


def signed(
    operation: Operation, step: Step, order: Order, payload: dict[str, Any]
) -> dict[str, Any]:
    """Return the message of OPERATIONS 12; the payload is in the version of its host."""
    return signed_for(
        order.host,
        StepOrder(
            op=str(operation.id),
            seq=step.seq,
            direction=step.direction,
            attempt=step.attempt,
            epoch=operation.epoch,
            scope=order.scope,
            method=order.method,
            payload=payload,
            request_id=operation.request_id,
        ),
    )


def signed_debt(debt: Debt, payload: dict[str, Any]) -> dict[str, Any]:
    """Return the message by which a host is asked to pay."""
    return signed_for(
        debt.host,
        StepOrder(
            op=str(debt.id),
            seq=0,
            direction="debt",
            attempt=debt.attempts,
            epoch=debt.epoch,
            scope=debt.scope,
            method=debt.method,
            payload=payload,
        ),
    )
