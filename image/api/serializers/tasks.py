"""Tasks on the wire."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from cloudweb.api.answers import Answer, listing
from cloudweb.api.shown import Always, Form, Of
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


def _result(task: Entry) -> dict[str, str] | None:
    return {"image_id": task.resource_id} if status_of(task.state) == "success" else None


class TaskShown(Answer):
    """A task as lists show it."""

    id: str
    type: Annotated[str, Of(lambda task: type_of(task.kind, task.args))]
    status: Annotated[str, Of("state"), Form(status_of)]
    owner: Annotated[str, Of("project_id")]
    expires_at: Annotated[str, Of(lambda task: seconds_z(expires_at(task)))]
    created_at: Annotated[str, Form(seconds_z)]
    updated_at: Annotated[str, Form(seconds_z)]
    image_id: Annotated[str, Of("resource_id")]
    request_id: str
    user_id: str
    self: Annotated[str, Of(lambda task: f"/v2/tasks/{task.id}")]
    self_schema: Annotated[str, Always("/v2/schemas/task")] = Field(alias="schema")


class WholeTask(TaskShown):
    """A task with what it was given and what came of it."""

    input: Annotated[dict[str, Any], Of(lambda task: input_of(task.resource_id, task.args))]
    result: Annotated[dict[str, str] | None, Of(_result)]
    message: Annotated[str, Of("error")]


#: With links relative to the service.
TASKS = listing("tasks", TaskShown, first=str, next=str | None, schema=str)
