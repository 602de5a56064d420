"""Control plane and hosts of the last release, as far as anybody can tell: what they read and what they say.

All that crosses the broker of a cloud in memory passes here. To a host of the last release goes only what its frozen
schemas read, strictly, in the versions it speaks; what it says is said in its own versions. A control plane of that
release orders in its versions alone and plans by its own steps; what hosts tell it must be readable by its schemas,
and what is newer than these it has not understood.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from typing import Any
from unittest.mock import patch

from jsonschema import Draft202012Validator

from cloudweb.objects import IncompatibleObject, VersionedObject
from cloudweb.signing import mac
from cloudweb.topics import INBOX, REPORTS
from operations.conductor import key_of
from operations.orders import signer
from operations.saga import Saga
from operations.testing import Cloud
from tests.contract.releases.frozen import frozen

Wire = dict[str, Any]
#: What the kinds of envelopes of the last release hold.
BODIES = {"report": "Report", "reply": "Reply", "answer": "CallAnswer"}
_SIGNED = ("v", "topic", "host", "sent_at", "signature")


class NotUnderstood(AssertionError):
    """A peer of the last release would refuse this."""


def _open(schema: Any) -> Any:
    """Return a schema that passes over what it does not know, as a reader of a newer minor does."""
    if isinstance(schema, dict):
        return {
            key: _open(value)
            for key, value in schema.items()
            if not (key == "additionalProperties" and value is False)
        }
    return [_open(one) for one in schema] if isinstance(schema, list) else schema


@cache
def _validator(name: str, *, newer: bool) -> Draft202012Validator:
    schema = frozen("objects")[name]["schema"]
    return Draft202012Validator(_open(schema) if newer else schema)


def read_by_the_last_release(wire: Wire) -> None:
    """Raise NotUnderstood for what a peer of the last release could not read."""
    name, version = wire["object"], wire["version"]
    known = frozen("objects").get(name)
    if known is None:
        raise NotUnderstood(f"it does not know {name}")
    major, minor = (int(part) for part in version.split("."))
    own_major, own_minor = (int(part) for part in known["version"].split("."))
    if major != own_major:
        raise NotUnderstood(f"{name} {version} for a peer at {known['version']}")
    validator = _validator(name, newer=minor > own_minor)
    problems = [error.message for error in validator.iter_errors(wire["data"])]
    if problems:
        raise NotUnderstood(f"{name} {version}: {problems[0]}")


def as_the_last_release(wire: Any) -> Any:
    """Say an object, and all that are inside it, in the versions of the last release."""
    if isinstance(wire, list):
        return [as_the_last_release(one) for one in wire]
    if not isinstance(wire, dict):
        return wire
    if wire.keys() >= {"object", "version", "data"} and wire["object"] in frozen("objects"):
        kind = VersionedObject.REGISTRY[wire["object"]]
        said = kind.load(wire).dump(version=frozen("objects")[wire["object"]]["version"])
        wire = {**said, "version": frozen("objects")[wire["object"]]["version"]}
        read_by_the_last_release(wire)
    return {name: as_the_last_release(value) for name, value in wire.items()}


class Fleet:
    """Says which services of a cloud in memory are of the last release; the rest is of this one."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.control_is_old = False
        self.old_hosts: set[str] = set()
        self.refused: list[str] = []  # what somebody did not understand
        self._send = cloud.broker.send
        cloud.broker.send = self._pass  # type: ignore[method-assign]

    def _pass(self, queue: str, task: str, argument: Any) -> bool:
        try:
            if queue in (INBOX, REPORTS) and "mark" not in argument:
                argument = self._said_by_host(argument)
            elif queue.partition(".")[2] in self.cloud.hosts:
                argument = self._said_to_host(queue.partition(".")[2], task, argument)
        except (NotUnderstood, IncompatibleObject, LookupError) as error:
            self.refused.append(f"{task or queue}: {error!r} {getattr(error, 'detail', '')}")
            return False
        return self._send(queue, task, argument)

    def _said_to_host(self, host: str, task: str, message: Wire) -> Wire:
        if self.control_is_old:
            known = {key: value for key, value in message.items() if key not in _SIGNED}
            message = signer().sign(as_the_last_release(known), topic=message["topic"])
        if host in self.old_hosts:
            self._read_by_old_host(task, message)
        return message

    def _read_by_old_host(self, task: str, message: Wire) -> None:
        if task.endswith(".notice"):
            read_by_the_last_release(message["notice"])
            return
        method = frozen("methods").get(message["method"])
        if method is None:
            raise NotUnderstood(f"it does not know {message['method']}")
        if message["payload"]["version"] != method["speaks"]:
            raise NotUnderstood(f"{message['method']} in {message['payload']['version']}")
        read_by_the_last_release(message["payload"])
        name = "Question" if "call" in message else "StepOrder"
        data = {key: value for key, value in message.items() if key not in _SIGNED}
        read_by_the_last_release({"object": name, "version": message.get("v", "1.0"), "data": data})

    def _said_by_host(self, envelope: Wire) -> Wire:
        if envelope["host"] not in self.old_hosts and not self.control_is_old:
            return envelope
        if envelope["kind"] not in BODIES:
            raise NotUnderstood(f"{envelope['kind']} is no word of the last release")
        if self.control_is_old:
            read_by_the_last_release(envelope["body"])
        said = {key: value for key, value in envelope.items() if key != "mac"}
        said["body"] = as_the_last_release(said["body"])
        if said["kind"] == "report" and envelope["host"] in self.old_hosts:
            for service in said["body"]["data"]["services"]:
                service["version"] = "0.0.1"
                service["speaks"] = {
                    name: frozen("methods")[name]["speaks"]
                    for name in service["speaks"]
                    if name in frozen("methods")
                }
        said = json.loads(json.dumps(said))
        return {**said, "mac": mac(key_of(said["host"]), said)}

    @contextmanager
    def planning(self) -> Iterator[None]:
        """Let what starts in the block be planned by the control plane's own release."""
        with ExitStack() as stack:
            if self.control_is_old:
                for kind, was in frozen("sagas").items():
                    saga = Saga.REGISTRY[kind]
                    stack.enter_context(
                        patch.multiple(
                            saga,
                            steps=saga.as_planned(tuple(was["steps"])).steps,
                            version=was["version"],
                        )
                    )
            yield
