"""Tasks on the wire."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from cloudweb.times import seconds_z
from image.api.serializers.images import ImageCreate
from image.manager.tasks import expires_at
from image.task_words import input_of, status_of, type_of
from operations.history import Entry


class TaskImage(ImageCreate):
    """The image that a task records."""


class ImportInput(BaseModel):
    """Where the data is, which format it has, and what the image is to be."""

    model_config = ConfigDict(frozen=True)

    import_from: str = Field(max_length=4096)
    import_from_format: str = Field(max_length=20)
    image_properties: TaskImage


class TaskCreate(BaseModel):
    """POST /tasks: other types of tasks begin elsewhere."""

    model_config = ConfigDict(frozen=True)

    type: Literal["import"]
    input: ImportInput


def task_body(task: Entry) -> dict[str, Any]:
    """Return a task as lists show it."""
    return {
        "id": task.id,
        "type": type_of(task.kind, task.args),
        "status": status_of(task.state),
        "owner": task.project_id,
        "expires_at": seconds_z(expires_at(task)),
        "created_at": seconds_z(task.created_at),
        "updated_at": seconds_z(task.updated_at),
        "image_id": task.resource_id,
        "request_id": task.request_id,
        "user_id": task.user_id,
        "self": f"/v2/tasks/{task.id}",
        "schema": "/v2/schemas/task",
    }


def whole_task_body(task: Entry) -> Mapping[str, Any]:
    """Return a task with what it was given and what came of it."""
    result = {"image_id": task.resource_id} if status_of(task.state) == "success" else None
    return {
        **task_body(task),
        "input": input_of(task.resource_id, task.args),
        "result": result,
        "message": task.error,
    }
