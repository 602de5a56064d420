"""QoS specs on the wire: their keys stand beside name and consumer."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, StringConstraints, model_validator

from cloudweb.api.answers import Answer, OpenAnswer
from cloudweb.api.fields import Body, Name
from cloudweb.api.resource import Resource
from cloudweb.api.shown import Always, Form
from volume.api.serializers.volume_types import parse_specs

Consumer = Literal["front-end", "back-end", "both"]
Key = Annotated[str, StringConstraints(min_length=1, max_length=255)]


class _Specs(Body):
    """Whatever else is said are the specs."""

    model_config = ConfigDict(extra="allow")

    @model_validator(mode="before")
    @classmethod
    def _read(cls, data: Any) -> Any:
        """Check keys and values of the specs."""
        known = cls.model_fields.keys()
        specs = parse_specs({key: value for key, value in data.items() if key not in known})
        return {**{key: value for key, value in data.items() if key in known}, **specs}

    @property
    def specs(self) -> dict[str, str]:
        """The keys that nobody declared."""
        return dict(self.model_extra or {})


class QosSpecCreate(_Specs):
    """``qos_specs`` of POST /qos-specs."""

    name: Name
    consumer: Consumer = "back-end"

    def said(self) -> dict[str, Any]:
        """Return it as the manager takes it."""
        return {"name": self.name.strip(), "consumer": self.consumer, "specs": self.specs}


class QosSpecUpdate(_Specs):
    """``qos_specs`` of PUT /qos-specs/{id}."""

    consumer: Consumer | None = None

    def said(self) -> dict[str, Any]:
        """Return it as the manager takes it."""
        return {"consumer": self.consumer, "specs": self.specs}


class Keys(Body):
    """PUT /qos-specs/{id}/delete_keys."""

    keys: Annotated[list[Key], Field(min_length=1, max_length=255)]


class QosSpecChanged(OpenAnswer):
    """What was said of QoS specs."""


class QosSpecShown(Answer):
    """QoS specs."""

    id: Annotated[str, Form(str)]
    name: str
    consumer: str
    specs: dict[str, str]


class AssociationShown(Answer):
    """A type that refers to QoS specs."""

    id: Annotated[str, Form(str)]
    name: str
    association_type: Annotated[Literal["volume_type"], Always("volume_type")]


QOS_SPEC = Resource(
    "qos_specs",
    "qos_specs",
    QosSpecShown,
    sort_keys={"created_at": "created_at", "id": "id", "name": "name"},
    order=("-created_at", "-id"),
)
