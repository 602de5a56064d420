"""Methods of a host's objects that run in the control plane: what a host may ask of the database.

A host has the object, and an envelope carries it with the method's dotted name to the conductor. That names what
does it, and whose the object is, as functions that are resolved there alone: a host never imports them. What is not
bound to the host that signed is refused before the method sees it, in the same words as what does not exist.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Generic, TypeVar

from pydantic import Field

from cloudweb.messages import Message
from cloudweb.objects import VersionedObject, WireForm

O = TypeVar("O", bound=VersionedObject)  # noqa: E741
A = TypeVar("A", bound=VersionedObject)


@dataclass(frozen=True, slots=True)
class RemoteMethod(Generic[O]):
    """One method: its dotted name on the wire, whose it is, what it takes and answers, all objects.

    ``does`` names a function of (host, object, argument) that is done once, in one transaction with its answer, however
    often the message comes; ``bound`` one that returns the host an object is bound to, or None.
    """

    REGISTRY: ClassVar[dict[str, RemoteMethod[VersionedObject]]] = {}

    name: str
    object: type[O]
    argument: type[VersionedObject] | None = None
    answer: type[VersionedObject] | None = None
    does: str = ""
    bound: str = ""

    def __post_init__(self) -> None:
        RemoteMethod.REGISTRY[self.name] = self  # type: ignore[assignment]


class ObjectAction(VersionedObject):
    """A host has a method of an object done. ``call`` is the same however often it is sent.

    ``domain`` names the queue of the host that the answer (a CallAnswer) is put in; none where nobody waits for it.
    """

    VERSION: ClassVar[str] = "1.0"

    call: str = Field(pattern="^[ -~]{1,32}$")
    method: str
    object: WireForm
    argument: WireForm | None = None
    domain: str = ""


class AnswerMessage(Message):
    """What comes back on the host's own queue: a CallAnswer."""

    VERSION: ClassVar[str] = "1.0"

    answer: WireForm


class HostTask(VersionedObject):
    """An order that a host is at work on; bound to the host that it was given to."""

    VERSION: ClassVar[str] = "1.0"

    op: str
    seq: int
    direction: str
    attempt: int


class TaskProgress(VersionedObject):
    """How far it is, in percent and in words for whoever waits."""

    VERSION: ClassVar[str] = "1.0"

    percent: int = Field(ge=0, le=100)
    text: str = Field("", max_length=200)


class HostService(VersionedObject):
    """A host with all that runs on it; bound to itself."""

    VERSION: ClassVar[str] = "1.0"

    host: str


#: Save how far a task of a guest, a volume or a network is, between two reports.
SAVE_TASK = RemoteMethod(
    "instance.save",
    HostTask,
    TaskProgress,
    does="operations.host_tasks.save",
    bound="operations.host_tasks.host_of",
)
#: The host leaves the cloud for good: refused while anything is on it, then nothing it says is believed any more.
DESTROY_HOST = RemoteMethod(
    "service.host.destroy",
    HostService,
    does="operations.leaving.destroy",
    bound="operations.leaving.host_of",
)
