"""Whatever control plane and hosts say to one another is a versioned object, and whatever is inside it is, too.

What is none stands here with its reason: streams of bytes, and words that no program takes apart.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args, get_origin

import pytest
from pydantic import BaseModel

from cloudweb.messages import Envelope, Message, NoticeMessage, Question, StepOrder
from cloudweb.objects import IncompatibleObject, VersionedObject, WireForm
from cloudweb.rpc import Method
from tests.contract.test_wire_objects import objects, ours
from tests.infrastructure import ROOT

#: Dictionaries of plain values, by object and field: what their names and values are.
PLAIN = {
    ("ServiceReport", "speaks"): "method: version of its payload",
    ("StepReport", "error"): "code, public, detail: sentences for people",
    ("CallAnswer", "error"): "code, public, detail: sentences for people",
    ("Report", "taken"): "domain: time",
    ("ConfigDrive", "files"): "name of a file: its content",
}
#: Who signs: envelopes, and messages to hosts with the control plane's own marks.
SENDERS = {"cloudweb/voice.py", "operations/orders.py"}
#: What hosts take and give over HTTP, as bytes: which host, which bytes, and how much is in a signed URL.
OVER_HTTP = {
    "cloudweb/image_cache/download.py": "reads an image's bytes",
    "cloudweb/image_sending.py": "sends a disk's bytes; a refusal is the API's own error",
    "volume/backups/client.py": "moves chunks; their terms are an object (BackupTerms)",
    "compute/fencing/redfish.py": "no host's: the control plane speaks to a machine's power control",
}
PRODUCT = (
    "cloudweb",
    "compute",
    "network",
    "volume",
    "image",
    "instances",
    "operations",
    "databases",
)


def models() -> Iterator[type[BaseModel]]:
    """Give every wire object and each of its parts, once."""
    found: dict[type[BaseModel], None] = {}
    waiting: list[Any] = [*objects().values()]
    while waiting:
        kind = waiting.pop()
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            if kind not in found:
                found[kind] = None
                waiting += [field.annotation for field in kind.model_fields.values()]
        else:
            waiting += get_args(kind)
    yield from found


def loose(annotation: Any) -> bool:
    """Tell whether a type leaves open what is in it."""
    if annotation == WireForm:
        return False
    if annotation in (Any, object, dict, list, tuple) or get_origin(annotation) is dict:
        return not all(one == WireForm or one is str for one in get_args(annotation)) or (
            WireForm not in get_args(annotation)
        )
    return any(loose(one) for one in get_args(annotation))


def test_no_field_holds_just_anything() -> None:
    found = {
        (kind.__name__, name)
        for kind in models()
        for name in kind.model_fields
        if loose(_declared(kind, name))
    }
    assert found == PLAIN.keys()


def _declared(kind: type[BaseModel], name: str) -> Any:
    """Return a field's type with what pydantic keeps apart of it."""
    field = kind.model_fields[name]
    return WireForm if WireForm.__metadata__[0] in field.metadata else field.annotation  # type: ignore[attr-defined]


def test_what_methods_take_and_answer_are_objects() -> None:
    for method in Method.REGISTRY.values():
        assert issubclass(method.payload, VersionedObject), method.name
        assert method.answer is None or issubclass(method.answer, VersionedObject), method.name


def test_every_object_of_the_product_is_pinned() -> None:
    """One that nobody imports in the fingerprint test would change in silence."""
    declared = set()
    for tree in (ast.parse(path.read_text()) for path in modules()):
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef) and any(
                isinstance(one, ast.AnnAssign | ast.Assign) and "VERSION" in ast.unparse(one)
                for one in node.body
            ):
                declared |= {
                    node.name
                    for base in node.bases
                    if ast.unparse(base) in ("VersionedObject", "Message")
                }
    assert declared == objects().keys()
    assert all(ours(kind.__module__) for kind in objects().values())


def modules() -> Iterator[Path]:
    for app in PRODUCT:
        yield from (ROOT / app).rglob("*.py")


def test_what_is_signed_is_made_in_one_place() -> None:
    """Whoever signs takes a message by its type, so no dictionary can be sent past it."""
    signs = {
        str(path.relative_to(ROOT))
        for path in modules()
        if re.search(r"(?<!\w)signer\(\)\.sign\(|mac\(self\._key", path.read_text())
    }
    assert signs == SENDERS


def test_hosts_speak_http_for_bytes_alone() -> None:
    found = {
        str(path.relative_to(ROOT))
        for path in modules()
        for tree in [ast.parse(path.read_text())]
        if any(
            isinstance(node, ast.Import | ast.ImportFrom) and "httpx" in ast.unparse(node)
            for node in ast.walk(tree)
        )
        and _is_host_code(path)
    }
    assert found == OVER_HTTP.keys()


def _is_host_code(path: Path) -> bool:
    return "django" not in path.read_text()


ORDER = {"op": "a", "seq": 1, "direction": "do", "attempt": 1, "epoch": 1, "scope": "compute:a",
         "method": "compute.spawn", "payload": {}}  # fmt: skip


def test_messages_of_releases_before_are_read() -> None:
    signed = {"topic": "compute.h1", "host": "h1", "sent_at": 1.0}
    assert StepOrder.read({**ORDER, **signed}) == StepOrder(**ORDER)
    said = {"host": "h1", "boot_id": "b", "seq": 1, "sent_at": 1.0, "kind": "reply", "body": {}}
    assert Envelope.read({**said, "v": 1}) == Envelope(**said)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", [StepOrder, Question, NoticeMessage, Envelope])
def test_another_major_is_refused_and_a_newer_minor_read(kind: type[Message]) -> None:
    from tests.contract.test_wire_objects import example

    message = kind.model_validate(example(kind))
    assert kind.read(message.flat()) == message
    news = {**message.flat(), "v": "1.9", "news": 1}
    assert kind.read(news).model_dump() == {**message.model_dump(), "news": 1}
    for version, more in (("2.0", {}), ("1.0", {"news": 1}), ("one", {})):
        with pytest.raises(IncompatibleObject):
            kind.read({**message.flat(), "v": version, **more})
