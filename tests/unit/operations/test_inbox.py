"""Hosts may write to the inbox; nothing they put there is run, only read."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from cloudweb.rpc import DELIVER
from operations.inbox import Following, envelope_of

ENVELOPE = {"host": "h1", "kind": "report"}
EMBEDDED = {"callbacks": None, "errbacks": None, "chain": None, "chord": None}


def test_a_message_is_read() -> None:
    assert envelope_of({}, ENVELOPE) == ENVELOPE
    for body in (None, "x", [ENVELOPE], [[ENVELOPE], {}, EMBEDDED], 1):
        assert envelope_of({}, body) is None


def test_a_delivery_of_the_release_before_is_read() -> None:
    headers = {"task": DELIVER, "id": "x", "eta": None, "expires": None, "group": None}
    assert envelope_of(headers, [[ENVELOPE], {}, EMBEDDED]) == ENVELOPE


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"task": "operations.advance"},
        {"task": "compute.destroy"},
        {"task": "celery.backend_cleanup"},
        {"task": [DELIVER]},
        {"task": DELIVER, "eta": "2026-01-01T00:00:00"},
        {"task": DELIVER, "expires": 1},
        {"task": DELIVER, "group": "g"},
        {"task": DELIVER, "stamps": {"a": 1}},
        {"task": DELIVER, "stamped_headers": ["a"]},
    ],
    ids=str,
)
def test_other_headers_are_dropped(headers: dict[str, Any]) -> None:
    assert envelope_of(headers, [[ENVELOPE], {}, EMBEDDED]) is None


@pytest.mark.parametrize(
    "body",
    [
        None,
        {},
        "x",
        [],
        [[ENVELOPE]],
        [[ENVELOPE], {}],
        [[], {}, EMBEDDED],
        [[ENVELOPE, 1], {}, EMBEDDED],
        [[ENVELOPE], {"envelope": 1}, EMBEDDED],
        [["report"], {}, EMBEDDED],
        [[[ENVELOPE]], {}, EMBEDDED],
        [ENVELOPE, {}, EMBEDDED],
        [[ENVELOPE], {}, None],
        [[ENVELOPE], {}, []],
        *(
            [[ENVELOPE], {}, {**EMBEDDED, name: [{"task": "compute.destroy", "args": []}]}]
            for name in EMBEDDED
        ),
    ],
    ids=str,
)
def test_other_bodies_are_dropped(body: Any) -> None:
    assert envelope_of({"task": DELIVER}, body) is None


def test_of_each_host_the_newest_report_counts() -> None:
    seen: list[Any] = []
    first, go_on = threading.Event(), threading.Event()

    def accept(host: str, ended: Any) -> None:
        seen.append((host, *ended))
        first.set()
        assert go_on.wait(60)
        if ended == [1]:
            raise RuntimeError("one that fails keeps no other out")

    following = Following(accept)
    following.put("h1", [1])  # type: ignore[list-item]
    assert first.wait(60)
    for host, ended in (("h1", [2]), ("h2", [1, 2]), ("h1", [3]), ("h2", []), ("h2", [4])):
        following.put(host, ended)  # type: ignore[arg-type]
    go_on.set()
    following._pool.shutdown()
    assert seen == [("h1", 1), ("h1", 3), ("h2", 4)]
