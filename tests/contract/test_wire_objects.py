"""What crosses between control plane and hosts keeps its shape, or says that it changed.

``wire_objects.json`` pins the shape of every payload and method of the release it names, and holds
one message of each as that release sent it. After a change on purpose: raise ``VERSION`` (a new
field with a default: the minor, with its entry in ``DOWNGRADES``; anything else: the major), then run

    python -m tests.contract.test_wire_objects
"""

from __future__ import annotations

import importlib
import json
import sys
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import pytest
from pydantic import BaseModel, ValidationError

from cloudweb.objects import IncompatibleObject, Part, VersionedObject
from cloudweb.rpc import Method

PINNED = Path(__file__).with_name("wire_objects.json")
HOW = "after a change on purpose raise VERSION, then run python -m tests.contract.test_wire_objects"
WIRE_MODULES = (
    "cloudweb.messages", "cloudweb.remotes", "cloudweb.reports", "compute.guest_use", "compute.live_objects",
    "compute.objects", "compute.resize_objects",
    "compute.rpc", "compute.snapshots.objects",
    "network.objects", "network.rpc",
    "image.objects", "volume.objects", "volume.backups.objects", "volume.uploads.objects", "volume.rpc",
    "databases.objects", "databases.rpc",
)  # fmt: skip

for _name in WIRE_MODULES:
    importlib.import_module(_name)


def ours(module: str) -> bool:
    """Tell the product's classes from those that tests declare."""
    return module.partition(".")[0] in (
        "compute",
        "network",
        "image",
        "volume",
        "cloudweb",
        "operations",
        "databases",
    )


def objects() -> dict[str, type[VersionedObject]]:
    return {
        name: kind
        for name, kind in sorted(VersionedObject.REGISTRY.items())
        if ours(kind.__module__)
    }


def shapes() -> dict[str, dict[str, str]]:
    return {
        name: {"version": kind.VERSION, "fingerprint": kind.fingerprint()}
        for name, kind in objects().items()
    }


def methods() -> dict[str, dict[str, str | None]]:
    return {
        name: {
            "takes": method.payload.__name__,
            "answers": method.answer.__name__ if method.answer else None,
        }
        for name, method in sorted(Method.REGISTRY.items())
        if ours(method.payload.__module__)
    }


def pinned() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(PINNED.read_text())
    return found


def test_no_shape_changes_in_silence() -> None:
    then, now = pinned()["objects"], shapes()
    changed = [
        name
        for name in then.keys() & now.keys()
        if then[name]["fingerprint"] != now[name]["fingerprint"]
        and then[name]["version"] == now[name]["version"]
    ]
    assert changed == [], HOW
    assert now == then, HOW


def test_no_method_changes_in_silence() -> None:
    assert methods() == pinned()["methods"], HOW


def test_what_methods_name_is_pinned() -> None:
    named = {one[key] for one in methods().values() for key in ("takes", "answers")} - {None}
    assert named <= shapes().keys()


@pytest.mark.parametrize("name", sorted(pinned()["messages"]))
def test_messages_of_the_first_release_are_still_read(name: str) -> None:
    message = pinned()["messages"][name]
    kind = objects()[name]
    read = kind.load(message)
    assert kind.load(json.loads(json.dumps(read.dump()))) == read
    if message["version"] == kind.VERSION:
        assert read.dump()["data"] == message["data"]


def test_every_object_has_a_recorded_message() -> None:
    assert pinned()["messages"].keys() == shapes().keys(), HOW


@pytest.mark.parametrize("name", sorted(pinned()["messages"]))
def test_a_newer_minor_is_accepted_and_passed_on_whole(name: str) -> None:
    kind, message = objects()[name], json.loads(json.dumps(pinned()["messages"][name]))
    major, minor = kind.VERSION.split(".")
    grown = _with_news(kind.load(message).dump()["data"])
    message["version"] = f"{major}.{int(minor) + 1}"
    assert kind.load({**message, "data": grown}).dump()["data"] == grown
    message["version"] = f"{int(major) + 1}.0"
    with pytest.raises(IncompatibleObject):
        kind.load(message)
    message["version"] = kind.VERSION
    with pytest.raises(IncompatibleObject):
        kind.load({**message, "data": {**message["data"], "news": 1}})


class Wheel(Part):
    size: int = 1


class Cart(VersionedObject):
    """An object at its third minor."""

    VERSION = "1.2"
    DOWNGRADES: ClassVar[Any] = {
        2: lambda data: {key: value for key, value in data.items() if key != "colour"},
        1: lambda data: {key: value for key, value in data.items() if key != "wheels"},
    }
    name: str
    wheels: tuple[Wheel, ...] = ()
    colour: str = "red"


def test_unknown_fields_are_kept_at_every_depth() -> None:
    data = {"name": "a", "wheels": [{"size": 2, "worn": True}], "colour": "b", "brake": {"x": [1]}}
    read = Cart.load({"object": "Cart", "version": "1.9", "data": data})
    assert read.wheels[0].size == 2
    assert read.dump()["data"] == data


def test_readable_for_an_older_minor() -> None:
    cart = Cart(name="a", wheels=(Wheel(),))
    assert cart.dump(version="1.2")["data"].keys() == {"name", "wheels", "colour"}
    assert cart.dump(version="1.1") == {
        "object": "Cart",
        "version": "1.1",
        "data": {"name": "a", "wheels": [{"size": 1}]},
    }
    assert cart.dump(version="1.0")["data"] == {"name": "a"}
    assert cart.dump(version="1.7")["version"] == "1.2"  # the newer peer fills in its defaults
    with pytest.raises(IncompatibleObject):
        cart.dump(version="2.0")


def test_an_older_minor_is_read_with_defaults() -> None:
    read = Cart.load({"object": "Cart", "version": "1.0", "data": {"name": "a"}})
    assert (read.wheels, read.colour) == ((), "red")


@pytest.mark.parametrize(
    "wire",
    [
        None,
        [],
        {},
        {"object": "Cart"},
        {"object": "Cart", "version": "1", "data": {"name": "a"}},
        {"object": "Cart", "version": "1.x", "data": {"name": "a"}},
        {"object": "Cart", "version": "one", "data": {"name": "a"}},
        {"object": "Horse", "version": "1.2", "data": {"name": "a"}},
        {"object": "Cart", "version": "1.2", "data": None},
        {"object": "Cart", "version": "1.2", "data": {}},
        {"object": "Cart", "version": "1.2", "data": {"name": ["a"]}},
        {"object": "Cart", "version": "1.2", "data": {"name": "a", "wheels": [{"worn": True}]}},
    ],
    ids=str,
)
def test_what_is_no_such_object_is_refused(wire: Any) -> None:
    with pytest.raises(IncompatibleObject):
        Cart.load(wire)


def test_objects_do_not_change() -> None:
    with pytest.raises(ValidationError):
        Cart(name="a").name = "b"  # type: ignore[misc]


def _with_news(value: Any) -> Any:
    """Put an unknown field into the object."""
    return {**value, "news": {"from": ["a", "newer", "release"]}}


def example(kind: type[BaseModel], *, least: bool = False) -> dict[str, Any]:
    """Return made-up data for every field of a model, nested ones too; the ``least`` is what it must have."""
    schema = kind.model_json_schema()
    made = _example(schema, schema.get("$defs", {}), "", least=least)
    assert isinstance(made, dict)
    return made


def _example(schema: dict[str, Any], shared: dict[str, Any], name: str, *, least: bool) -> Any:
    made = partial(_example, shared=shared, least=least)
    if "$ref" in schema:
        return made(shared[schema["$ref"].rpartition("/")[2]], name=name)
    for choice in ("anyOf", "allOf", "oneOf"):
        if choice in schema:
            return made(schema[choice][0], name=name)
    if "const" in schema or "enum" in schema:
        return schema.get("const", schema.get("enum", [None])[0])
    kind = schema.get("type")
    if kind == "object":
        fields = schema.get("properties")
        if fields is None:
            inner = schema.get("additionalProperties")
            return {"k": made(inner, name="k")} if isinstance(inner, dict) else {}
        needed = schema.get("required", []) if least else fields
        return {key: made(fields[key], name=key) for key in needed}
    if "prefixItems" in schema:
        return [made(one, name=name) for one in schema["prefixItems"]]
    if kind == "array":
        return [made(schema.get("items", {"type": "string"}), name=name)]
    simple = {"integer": 1, "number": 1.0, "boolean": True, "null": None}
    if kind in simple:
        return (
            max(simple[kind] or 0, schema.get("minimum", 0)) if kind == "integer" else simple[kind]
        )
    return {
        "date-time": "2026-01-31T10:11:12Z",
        "uuid": "11111111-2222-4333-8444-555555555555",
    }.get(schema.get("format", ""), f"a {name}")


def pin() -> None:
    """Write today's shapes; a message that is there already stays, unless it can be read no more."""
    old = pinned() if PINNED.exists() else {"messages": {}}
    messages = {}
    for name, kind in objects().items():
        fresh = kind.model_validate(example(kind)).dump()
        kept = old["messages"].get(name, fresh)
        same_major = kept["version"].split(".")[0] == kind.VERSION.split(".")[0]
        messages[name] = kept if same_major else fresh
    silent = [
        name
        for name, said in old.get("objects", {}).items()
        if name in objects()
        and said["version"] == objects()[name].VERSION
        and said["fingerprint"] != objects()[name].fingerprint()
    ]
    if silent:  # what is inside an object is its shape, too
        sys.exit(f"Raise VERSION of these first: {', '.join(silent)}.")
    everything = {"objects": shapes(), "methods": methods(), "messages": messages}
    PINNED.write_text(json.dumps(everything, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    pin()
    sys.stdout.write(f"{PINNED}: {len(shapes())} objects, {len(methods())} methods\n")
