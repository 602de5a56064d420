"""What crosses the broker, and the only module that talks to it (OPERATIONS, "Celery").

Celery delivers; it decides nothing. A message that is lost costs time, never truth: so sending never
raises to a caller who has committed, it reports False and the sweep or the next report repairs it.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar

import structlog
from celery import Celery
from kombu import Exchange, Producer, Queue
from kombu.exceptions import OperationalError as BrokerError

from cloudweb.objects import VersionedObject
from cloudweb.topics import DOORBELL, INBOX, REPORTS, host_topic

log = structlog.get_logger(__name__)

P = TypeVar("P", bound=VersionedObject)


@dataclass(frozen=True, slots=True)
class Method(Generic[P]):
    """One method that an agent exposes: its name on the wire, what it takes, what it answers.

    ``deadline`` is in seconds. ``urgent`` methods take nothing new (destroy, unplug, answers) and
    run in threads of the host that nothing else may use. ``patient`` ones mostly wait for a guest to
    do something (a soft stop); they have threads of their own, so that no other order waits with them.
    ``in_turn`` names from the payload what the host does one after the other (a network), where that is
    more than one scope: all of it shares one thread.
    """

    REGISTRY: ClassVar[dict[str, Method[Any]]] = {}

    name: str  # "<domain>.<method>"
    payload: type[P]
    answer: type[VersionedObject] | None = None
    deadline: float = 60.0
    urgent: bool = False
    patient: bool = False
    query: bool = False  # changes nothing: answered at once, not recorded
    in_turn: Callable[[P], str] | None = None

    def __post_init__(self) -> None:
        Method.REGISTRY[self.name] = self

    @property
    def domain(self) -> str:
        """The agent's domain: compute, network."""
        return self.name.partition(".")[0]

    def order(self, *, host: str, resource_id: str, payload: P) -> Order:
        """Return the order that a step gives to a host about one resource."""
        return Order(self.name, host, f"{self.domain}:{resource_id}", payload)


@dataclass(frozen=True, slots=True)
class Order:
    """What one host shall do about one scope. Signed and dated when it is cast."""

    method: str
    host: str
    scope: str
    payload: VersionedObject

    @property
    def contract(self) -> Method[Any]:
        """The declaration of the method."""
        return Method.REGISTRY[self.method]


def direct(name: str) -> Queue:
    """Return a queue behind the anonymous exchange.

    With only ``exchange=''`` and a routing key Celery publishes to its default queue instead.
    """
    return Queue(name, exchange=Exchange(""), routing_key=name)


class Sender:
    """Publishes; one for each process, made at first use (after any fork)."""

    def __init__(self, app: Celery) -> None:
        self._app = app
        self._lock = threading.Lock()

    def send(self, queue: str, task: str, argument: Any) -> bool:
        """Publish one task for a Celery worker; tell whether the broker took it."""

        def publish(producer: Producer) -> None:
            self._app.send_task(
                task,
                args=(argument,),
                queue=direct(queue),  # type: ignore[arg-type]  # the stub knows names only
                producer=producer,
                ignore_result=True,
                retry=False,
                task_id=str(uuid.uuid4()),
            )

        return self._try(publish, queue=queue, task=task)

    def put(self, queue: str, message: dict[str, Any]) -> bool:
        """Publish a message that is data and no task; tell whether the broker took it.

        Making and reading one costs less than half of what Celery's envelope costs.
        """

        def publish(producer: Producer) -> None:
            producer.publish(message, exchange="", routing_key=queue, serializer="json")

        return self._try(publish, queue=queue)

    def _try(self, publish: Callable[[Producer], None], **about: str) -> bool:
        try:
            with self._app.producer_pool.acquire(block=True, timeout=5) as producer:
                publish(producer)
        except (BrokerError, OSError) as error:
            log.warning("broker is away", **about, error=str(error))
            return False
        except Exception as error:  # noqa: BLE001 - the transport's own errors differ by broker
            log.warning("broker refused a message", **about, error=repr(error))
            return False
        return True


_sender: Sender | None = None
_sender_lock = threading.Lock()


def sender() -> Sender:
    """Return this process's sender."""
    global _sender
    with _sender_lock:
        if _sender is None:
            from cloudweb.celery import app

            _sender = Sender(app)
        return _sender


#: What the earlier release rang with, and what hosts of it deliver.
ADVANCE = "operations.advance"
DELIVER = "inbox.deliver"
PERIODIC = "operations.periodic"


def ring(operation_id: str) -> bool:
    """Ring the doorbell of one operation: any control worker may open."""
    return sender().put(DOORBELL, {"operation": operation_id})


def ring_periodic(name: str) -> bool:
    """Ring for a manager's periodic task: the control worker that hears it runs it, if it is due."""
    return sender().send("conductor", PERIODIC, name)


def send_order(host: str, method: str, signed: dict[str, Any]) -> bool:
    """Put a signed order on the queue of the host's agent."""
    return sender().send(host_topic(method.partition(".")[0], host), method, signed)


def send_to_host(host: str, domain: str, task: str, signed: dict[str, Any]) -> bool:
    """Put a signed notice (what a report is answered with) on a host's queue."""
    return sender().send(host_topic(domain, host), task, signed)


def deliver(envelope: dict[str, Any]) -> bool:
    """Put a signed envelope, or a mark of ours, into the queue of its kind at the control plane."""
    is_report = "mark" in envelope or envelope.get("kind") == "report"
    return sender().put(REPORTS if is_report else INBOX, envelope)


def put_back(queue: str, message: dict[str, Any]) -> bool:
    """Leave to the next reader what was taken from a queue of ours and cannot be worked on any more."""
    return sender().put(queue, message)
