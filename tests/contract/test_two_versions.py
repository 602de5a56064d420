"""This code beside the last release: what each says the other reads, object by object, both ways.

``tests/contract/releases`` holds what the release understood. That services of both work together, and that a
cloud is upgraded under load, is in ``tests/integration/instances/test_two_versions.py``.
"""

from __future__ import annotations

from typing import Any

import pytest

from cloudweb.objects import IncompatibleObject, VersionedObject
from cloudweb.rpc import Method
from tests.builders.older import NotUnderstood, read_by_the_last_release
from tests.contract.releases.frozen import frozen, last_release, releases
from tests.contract.test_every_saga_has_a_drill import sagas_of_the_product
from tests.contract.test_wire_objects import example, objects

OBJECTS = pytest.mark.parametrize("name", sorted(frozen("objects")))


def wire(name: str, data: Any) -> dict[str, Any]:
    return {"object": name, "version": frozen("objects")[name]["version"], "data": data}


def test_there_is_a_release_to_stand_beside() -> None:
    assert releases()
    assert len(frozen("objects", last_release())) > 50


@OBJECTS
def test_what_the_last_release_said_is_read_and_said_back(name: str) -> None:
    then, kind = frozen("objects")[name], objects()[name]
    for message in ("least", "full"):
        read = kind.load(wire(name, then[message]))
        assert read.dump(version=then["version"])["data"] == then[message]


@OBJECTS
def test_what_this_release_says_is_read_by_the_last(name: str) -> None:
    """All that must be said can be; what an older peer must not miss is refused instead of left out."""
    version, kind = frozen("objects")[name]["version"], objects()[name]
    read_by_the_last_release(kind.model_validate(example(kind, least=True)).dump(version=version))
    try:
        said = kind.model_validate(example(kind)).dump(version=version)
    except IncompatibleObject:
        assert version != kind.VERSION
    else:
        read_by_the_last_release(said)


@OBJECTS
def test_what_is_said_in_a_newer_minor_is_read_by_the_last(name: str) -> None:
    """Hosts say what they say in their own version, whichever the control plane's is."""
    kind = objects()[name]
    read_by_the_last_release(kind.model_validate(example(kind)).dump())


def test_methods_of_the_last_release_are_still_there() -> None:
    for name, then in frozen("methods").items():
        method = Method.REGISTRY[name]
        answers = method.answer.__name__ if method.answer else None
        assert (method.payload.__name__, answers) == (then["takes"], then["answers"]), name


def test_stored_plans_of_the_last_release_can_be_finished() -> None:
    now = sagas_of_the_product()
    for kind, then in frozen("sagas").items():
        assert kind in now, f"operations of {kind} may be stored"
        steps = {step.name: step for step in now[kind].as_planned(tuple(then["steps"])).steps}
        for name in then["undone"]:
            assert steps[name].undo is not None, f"{kind}: what {name} did may have to be undone"
        for name in then["pivots"]:
            assert steps[name].pivot, f"{kind}: behind {name} nothing was turned back"


def test_a_lie_is_found() -> None:
    """What tells all this is no blind eye."""
    said = wire("GuestRef", {"id": "a", "name": "b"})
    read_by_the_last_release(said)
    for lie in (
        {**said, "object": "NoSuchThing"},
        {**said, "version": "2.0"},
        {**said, "data": {"id": "a"}},
        {**said, "data": {**said["data"], "news": 1}},
    ):
        with pytest.raises(NotUnderstood):
            read_by_the_last_release(lie)
    read_by_the_last_release({**said, "version": "1.9", "data": {**said["data"], "news": 1}})


def test_every_object_of_the_last_release_is_still_one() -> None:
    assert frozen("objects").keys() <= VersionedObject.REGISTRY.keys()
