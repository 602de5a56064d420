"""What is done to instances, on the wire."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import RootModel

from cloudweb.api.answers import Answer
from cloudweb.api.fields import Body, LooseBool, Name, PositiveNumber, Text
from cloudweb.api.shown import Form, Of, Only
from cloudweb.times import seconds
from databases.api.serializers.instances import AccessBody, FailoverBody, Ref


class Nothing(Body):
    """The value of an action that says nothing more."""


class NewVolume(Body):
    """How large the volume shall be, in GiB."""

    size: PositiveNumber


class Resize(Body):
    """The value of ``resize``: one of both."""

    flavorRef: Ref | None = None  # noqa: N815 - the wire's word
    volume: NewVolume | None = None


class ResetStatus(Body):
    """The value of ``reset_status``."""

    force_delete: LooseBool = False


class ConfirmOff(Body):
    """The value of ``confirm-off``: how it is known that a source writes no more; ``force`` if its guest speaks."""

    reason: Text
    force: LooseBool = False


#: Action -> what its key holds.
BODIES: dict[str, type[Body]] = {
    "restart": Nothing,
    "resize": Resize,
    "reset_status": ResetStatus,
    "promote_to_replica_source": Nothing,
    "eject_replica_source": Nothing,
}


class InstanceAction(RootModel[dict[str, Any]]):
    """The body of POST /instances/{id}/action: exactly one key, with what belongs to it."""


class InstanceUpdate(Body):
    """``instance`` of PUT and PATCH /instances/{id}: a name, and one thing besides."""

    name: Name | None = None
    configuration: Ref | None = None
    replica_of: Ref | None = None
    slave_of: Ref | None = None
    datastore_version: Ref | None = None
    access: AccessBody | None = None
    failover: FailoverBody | None = None


class TlsShown(Answer):
    """TLS of an instance: its clients know it by the ``authority`` (PEM), which is its project's."""

    enabled: bool
    required: bool
    valid_until: Annotated[
        str | None, Of("until"), Form(seconds), Only(lambda found: found.until is not None)
    ] = None
    authority: str


class DefaultsShown(Answer):
    """What an instance has where its configuration says nothing, by parameter."""

    configuration: dict[str, Any]
