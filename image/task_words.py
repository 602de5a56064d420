"""The words of the image service for operations on images: types, statuses, orders of lists."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from operations.states import OperationState as State

#: status -> the states of an operation. A failed undo is still worked on, and a failure to clients.
STATES: Mapping[str, tuple[str, ...]] = {
    "pending": (State.QUEUED, State.READY),
    "processing": (State.RUNNING, State.WAITING),
    "success": (State.DONE,),
    "failure": (State.UNDONE, State.FAILED),
}
#: kind of an operation -> type of a task. Other kinds are shown as they are.
TYPES: Mapping[str, str] = {
    "image.import": "api_image_import",
    "image.copy": "api_image_import",
}
SORT_KEYS: Mapping[str, str] = {
    "created_at": "created_at", "id": "id", "status": "state", "type": "kind",
}  # fmt: skip
DEFAULT_ORDER = ("-created_at", "-id")


def status_of(state: str) -> str:
    """Return the status of a task whose operation is in this state."""
    return next(status for status, states in STATES.items() if state in states)


def type_of(kind: str, args: Mapping[str, Any]) -> str:
    """Return the type of a task whose operation is of this kind; ``import`` came by POST /tasks."""
    return "import" if "task_input" in args else TYPES.get(kind, kind)


def input_of(image_id: str, args: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what a task was given, as its client said it; a URL is without what it may hide."""
    if "task_input" in args:
        given: Mapping[str, Any] = args["task_input"]
        return given
    if "method" not in args:
        return {"image_id": image_id}
    method = {"name": args["method"], **({"uri": args["uri"]} if "uri" in args else {})}
    asked = {name: args[name] for name in ("stores", "all_stores_must_succeed") if name in args}
    return {
        "image_id": image_id,
        "import_req": {"method": method, **asked},
        "backend": args.get("stores", []),
    }


def kinds_of(task_type: str) -> tuple[str, ...]:
    """Return the kinds of operations that are tasks of this type; ``import`` is any import."""
    wanted = TYPES.values() if task_type == "import" else (task_type,)
    return tuple(kind for kind, known in TYPES.items() if known in wanted) or (task_type,)
