"""Migrations on the wire."""

from __future__ import annotations

from typing import Annotated

from cloudweb.api.answers import Answer
from cloudweb.api.shown import Form, Of
from cloudweb.microversions.compute import since
from cloudweb.times import micros

#: Where they come in pages and have a UUID.
PAGED = since(59)


def _far(name: str) -> Of:
    """Return where a number of bytes comes from that its host tells."""
    return Of(lambda row: row.progress.get(name))


class LiveMigrationShown(Answer):
    """A live migration that is under way; bytes are null until its host told them."""

    id: int
    uuid: Annotated[str, PAGED]
    server_uuid: Annotated[str, Of("instance_id"), Form(str)]
    status: str
    source_compute: Annotated[str, Of("source_host")]
    source_node: Annotated[str, Of("source_host")]
    dest_compute: Annotated[str | None, Of(lambda row: row.dest_host or None)]
    dest_node: Annotated[str | None, Of(lambda row: row.dest_host or None)]
    dest_host: Annotated[str | None, Of(lambda row: row.dest_host or None)]
    memory_total_bytes: Annotated[int | None, _far("memory_total")]
    memory_processed_bytes: Annotated[int | None, _far("memory_processed")]
    memory_remaining_bytes: Annotated[int | None, _far("memory_remaining")]
    disk_total_bytes: Annotated[int | None, _far("disk_total")]
    disk_processed_bytes: Annotated[int | None, _far("disk_processed")]
    disk_remaining_bytes: Annotated[int | None, _far("disk_remaining")]
    created_at: Annotated[str, Form(micros)]
    updated_at: Annotated[str, Form(micros)]
    user_id: Annotated[str, since(80)]
    project_id: Annotated[str, since(80)]


class MigrationShown(Answer):
    """A resize or migration; flavors by their ids."""

    id: int
    uuid: Annotated[str, PAGED]
    instance_uuid: Annotated[str, Of("instance_id"), Form(str)]
    migration_type: Annotated[str, since(23)]
    status: str
    source_compute: Annotated[str, Of("source_host")]
    source_node: Annotated[str, Of("source_host")]
    dest_compute: Annotated[str | None, Of(lambda row: row.dest_host or None)]
    dest_node: Annotated[str | None, Of(lambda row: row.dest_host or None)]
    dest_host: Annotated[str | None, Of(lambda row: row.dest_host or None)]
    old_instance_type_id: Annotated[str, Of(lambda row: row.old["flavor_id"])]
    new_instance_type_id: Annotated[str, Of(lambda row: row.new["flavor_id"])]
    created_at: Annotated[str, Form(micros)]
    updated_at: Annotated[str, Form(micros)]
    user_id: Annotated[str, since(80)]
    project_id: Annotated[str, since(80)]
