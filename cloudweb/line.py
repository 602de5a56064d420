"""A host's line to the conductor: has methods of its objects done there, and waits for answers on its own queue."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

import structlog

from cloudweb.exceptions import CloudwebError, ServiceUnavailable
from cloudweb.objects import IncompatibleObject, VersionedObject
from cloudweb.remotes import AnswerMessage, ObjectAction, RemoteMethod
from cloudweb.reports import CallAnswer, HeardMethod
from cloudweb.voice import Voice

log = structlog.get_logger(__name__)
AGAIN = 1.0  # seconds until what was not answered is said again


class ConductorAway(ServiceUnavailable):
    """The control plane did not answer; it may have done what it was asked, and asking again is harmless."""

    code = "conductor_away"
    default_message = "The control plane does not answer."


class ConductorTooOld(CloudwebError):
    """The control plane is of a release that does not know this."""

    code = "conductor_too_old"
    default_message = "The control plane has to be upgraded first."


class Refused(CloudwebError):
    """The control plane will not do it; the message is its own sentence."""

    code = "refused"


class Line:
    """One host's; thread-safe. Nothing is said under its lock."""

    def __init__(self, voice: Voice, domain: str) -> None:
        self._voice, self._domain = voice, domain
        self._lock = threading.Lock()
        self._heard: Mapping[str, HeardMethod] | None = None  # unknown
        self._waiting: dict[str, threading.Event] = {}
        self._answers: dict[str, CallAnswer] = {}

    def hears(self, methods: Sequence[HeardMethod] | None) -> None:
        """Note what the control plane said it understands; one that said nothing understands none."""
        heard = {one.method: one for one in methods or ()}
        with self._lock:
            self._heard = heard

    def tell(
        self,
        method: RemoteMethod[Any],
        owner: VersionedObject,
        argument: VersionedObject | None = None,
    ) -> bool:
        """Have something done that nobody waits for; tell whether it was said: never to who may not know it."""
        with self._lock:
            if self._heard is None:
                return False
        try:
            return self._voice.say("object_action", self._action(method, owner, argument, ""))
        except (ConductorTooOld, IncompatibleObject):
            return False

    def ask(
        self,
        method: RemoteMethod[Any],
        owner: VersionedObject,
        argument: VersionedObject | None = None,
        *,
        timeout: float,
    ) -> VersionedObject | None:
        """Have something done and return its answer, said again until it comes: it is done once.

        Raises ConductorAway, ConductorTooOld, Refused.
        """
        action = self._action(method, owner, argument, self._domain)
        answered = threading.Event()
        with self._lock:
            self._waiting[action.call] = answered
        try:
            for _ in range(max(1, round(timeout / AGAIN))):
                self._voice.say("object_action", action)
                if answered.wait(AGAIN):
                    break
        finally:
            with self._lock:
                self._waiting.pop(action.call)
                said = self._answers.pop(action.call, None)
        if said is None:
            raise ConductorAway
        if said.outcome != "DONE":
            raise Refused(said.error.get("public"), detail=said.error.get("detail", ""))
        return method.answer.load(said.result) if method.answer else None

    def answered(self, message: AnswerMessage) -> None:
        """Take an answer; one that nobody waits for any more is dropped. Raises IncompatibleObject."""
        said = CallAnswer.load(message.answer)
        with self._lock:
            waits = self._waiting.get(said.call)
            if waits is not None:
                self._answers[said.call] = said
                waits.set()

    def _action(
        self,
        method: RemoteMethod[Any],
        owner: VersionedObject,
        argument: VersionedObject | None,
        domain: str,
    ) -> ObjectAction:
        """Return what is said, in the version that the control plane reads; raise ConductorTooOld."""
        with self._lock:
            heard = self._heard
        known = None if heard is None else heard.get(method.name)
        if heard is not None and known is None:
            raise ConductorTooOld(detail=method.name)
        return ObjectAction(
            call=uuid.uuid4().hex,
            method=method.name,
            object=owner.dump(version=known.object if known else None),
            argument=argument.dump(version=known.argument if known else None) if argument else None,
            domain=domain,
        )
