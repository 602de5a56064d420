"""How a guest becomes known, what it says under its key, and what it is told."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from cloudweb.messages import Message
from cloudweb.objects import Part, VersionedObject, WireForm


class NoArguments(VersionedObject):
    """What a method takes that needs to be told nothing."""

    VERSION: ClassVar[str] = "1.0"


class Enrolment(VersionedObject):
    """A new agent's first words: the token of its user data, which counts for one ``nonce`` alone."""

    VERSION: ClassVar[str] = "1.0"

    token: str = Field(repr=False)
    nonce: str = Field(repr=False)
    report: WireForm


class Enrolled(VersionedObject):
    """Who an agent is, and by which key (hex) it is believed until when (Unix time)."""

    VERSION: ClassVar[str] = "1.0"
    SECRETS: ClassVar[tuple[str, ...]] = ("key",)

    instance: str
    key: str = Field(repr=False)
    valid_until: float
    orders_key: str  # the control plane's public key, in PEM
    poll: float = 25.0


class GuestError(Part):
    """Why a method failed: a code for programs, a sentence for tenants, the rest for operators."""

    code: str
    public: str
    detail: str = ""


class GuestResult(VersionedObject):
    """What came of a letter: ``answer`` is the wire form of the method's answer, None where it failed."""

    VERSION: ClassVar[str] = "1.0"

    letter: str
    outcome: Literal["DONE", "FAILED", "STALE"]
    answer: WireForm | None = None
    error: GuestError | None = None
    report: WireForm


class AgentHint(Part):
    """The program that the control plane has for its guests."""

    version: str
    sha256: str


class GuestEnvelope(Message):
    """What a guest says, under its key: ``kind`` is mailbox, result, heartbeat or renew.

    ``number`` rises from word to word; polls and all others have a row of numbers each.
    """

    VERSION: ClassVar[str] = "1.0"

    instance: str
    kind: str
    number: int
    body: WireForm
    mac: str


class GuestAnswer(VersionedObject):
    """What a guest's word is answered: a letter if there is one, and which program it should run."""

    VERSION: ClassVar[str] = "1.0"

    letter: WireForm | None = None
    agent: AgentHint | None = None


class LetterMessage(Message):
    """An order in a guest's mailbox, signed for ``guestagent.<instance>`` when it is fetched.

    ``number`` rises within a mailbox. One with ``op`` "" is a question: answered at once, not recorded.
    An order whose ``epoch`` is below the highest the guest has seen is answered STALE.
    """

    VERSION: ClassVar[str] = "1.0"

    letter: str
    number: int
    op: str
    epoch: int
    method: str
    payload: WireForm
