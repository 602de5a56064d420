"""The messages themselves, in which payloads cross: versioned like these, and flat on the wire.

``v`` is a message's version; what says none, or a plain number as releases did before, is read as 1.0. What a
newer minor added is passed over, another major refused. Who signs adds for whom it is and when it was sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

from cloudweb.objects import VersionedObject, WireForm

FIRST = "1.0"
#: What the signature covers besides: checked by whoever verifies it (``cloudweb/signing.py``).
_SIGNED = ("topic", "host", "sent_at")


class Message(VersionedObject):
    """A message between control plane and hosts."""

    def flat(self) -> dict[str, Any]:
        """Return the form that is signed and sent."""
        return {**self.model_dump(mode="json"), "v": self.VERSION}

    @classmethod
    def read(cls, wire: Mapping[str, Any]) -> Self:
        """Read what was verified; raise IncompatibleObject when it cannot be this message."""
        data = dict(wire)
        version = data.pop("v", FIRST)
        for name in _SIGNED:
            if name not in cls.model_fields:
                data.pop(name, None)
        return cls.load(
            {
                "object": cls.__name__,
                "version": version if isinstance(version, str) else FIRST,
                "data": data,
            }
        )


class StepOrder(Message):
    """What a host shall do about one scope (OPERATIONS 12); ``direction`` is do, undo or debt."""

    VERSION: ClassVar[str] = "1.0"

    op: str
    seq: int
    direction: str
    attempt: int
    epoch: int
    scope: str
    method: str
    payload: WireForm
    request_id: str = ""


class Question(Message):
    """What a host shall answer at once; nothing is recorded."""

    VERSION: ClassVar[str] = "1.0"

    call: str
    method: str
    scope: str = ""
    payload: WireForm


class NoticeMessage(Message):
    """What a report is answered with: a Notice."""

    VERSION: ClassVar[str] = "1.0"

    notice: WireForm


class Envelope(Message):
    """What a host says: its start, a number that rises from word to word, and which object ``body`` is."""

    VERSION: ClassVar[str] = "1.0"

    host: str
    boot_id: str
    seq: int
    sent_at: float
    kind: str  # report, reply, answer, object_action
    body: WireForm
