"""Bodies and answers of server actions; ``instances/actions`` names them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce
from operator import or_
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, Field, RootModel, create_model
from rest_framework.response import Response

from cloudweb.api.answers import Answer
from cloudweb.api.fields import IpAddress, Name
from cloudweb.api.links import base_url
from cloudweb.api.views import ServiceViewSet, empty
from cloudweb.microversions.compute import since
from instances.actions import ACTIONS, InstanceAction
from instances.api.console_addresses import address_of
from instances.api.serializers.action_bodies import ActionAnswer, ActionBody
from instances.api.serializers.evacuation import (  # noqa: F401 - the records name them
    Evacuate,
    EvacuationPassword,
)
from instances.api.serializers.moving import LiveMigrate  # noqa: F401 - a record names it
from instances.api.serializers.recovery import (  # noqa: F401 - the records name them
    Rebuild,
    Rescue,
    RescuePassword,
    ServerRebuiltAnswer,
)
from instances.api.serializers.server_bodies import Items, read_count

IMAGE_IN_BODY = since(45)


class Reboot(ActionBody):
    """The value of action ``reboot``."""

    type: Literal["SOFT", "HARD", "soft", "hard"]

    def arguments(self) -> dict[str, Any]:
        """Return whether it is a hard one."""
        return {"hard": self.type.upper() == "HARD"}


class Lock(ActionBody):
    """The value of action ``lock``."""

    locked_reason: Annotated[Name | None, since(73)] = None


class Resize(ActionBody):
    """The value of action ``resize``."""

    flavorRef: str = Field(min_length=1, max_length=2048)  # noqa: N815 - the wire's name
    disk_config: Literal["AUTO", "MANUAL"] = Field("MANUAL", alias="OS-DCF:diskConfig")

    def arguments(self) -> dict[str, Any]:
        """Return which flavor, by its id or by its URL; how disks are configured where that is said."""
        said = self.model_fields_set & {"disk_config"}
        flavor_id = self.flavorRef.rstrip("/").rpartition("/")[2]
        return {"flavor_id": flavor_id, **{name: getattr(self, name) for name in said}}


class Migrate(ActionBody):
    """The value of action ``migrate``."""

    host: Annotated[Name | None, since(56)] = None


class SecurityGroupName(ActionBody):
    """The value of actions ``addSecurityGroup`` and ``removeSecurityGroup``: a name or an id."""

    name: Name


class NetworkOfAddress(ActionBody):
    """The value of action ``addFixedIp``."""

    networkId: UUID  # noqa: N815 - the wire's name

    def arguments(self) -> dict[str, Any]:
        """Return the network's id."""
        return {"network_id": str(self.networkId)}


class AddressNamed(ActionBody):
    """The value of actions ``removeFixedIp`` and ``removeFloatingIp``."""

    address: IpAddress


class FloatingIpNamed(AddressNamed):
    """The value of action ``addFloatingIp``: to which of the server's addresses it leads, too."""

    fixed_address: IpAddress | None = None


class CreateImage(ActionBody):
    """The value of action ``createImage``."""

    name: Name
    metadata: Items | None = None


class CreateBackup(CreateImage):
    """The value of action ``createBackup``: ``rotation`` images of the kind are kept."""

    backup_type: Name
    rotation: Annotated[int, Field(ge=0, le=10_000), BeforeValidator(read_count)]


class Unshelve(ActionBody):
    """The value of action ``unshelve``; a zone that is null lets the server be in any."""

    availability_zone: Annotated[Name | None, since(77)] = None
    host: Annotated[Name, since(91)] = ""

    def arguments(self) -> dict[str, Any]:
        """Return where it shall be, as far as that was said."""
        names = {"availability_zone": "zone", "host": "host"}
        said = self.model_dump(exclude_unset=True)
        return {names[key]: value for key, value in said.items()}


class ImageMade(ActionAnswer):
    """The id of an image that is being made; before 2.45 it is in the Location alone."""

    image_id: Annotated[str, since(45)]

    @classmethod
    def of(cls, found: Any, view: ServiceViewSet) -> Response:
        """Return the id, or where the image is."""
        if view.version in IMAGE_IN_BODY:
            return Response({"image_id": found})
        answer = empty(202)
        answer.headers["Location"] = f"{base_url(view.request._request)}/image/v2/images/{found}"
        return answer


class ChangePassword(ActionBody):
    """The value of action ``changePassword``."""

    adminPass: Annotated[str, Field(min_length=1, max_length=255)]  # noqa: N815 - the wire's name

    def arguments(self) -> dict[str, Any]:
        """Return the password."""
        return {"password": self.adminPass}


class ResetState(ActionBody):
    """The value of action ``os-resetState``."""

    state: Literal["active", "error"]

    def arguments(self) -> dict[str, Any]:
        """Return whether it is in error."""
        return {"error": self.state == "error"}


class ConsoleOutput(ActionBody):
    """The value of action ``os-getConsoleOutput``; -1 and null are all that is kept."""

    length: Annotated[int, Field(ge=-1, le=100_000), BeforeValidator(read_count)] | None = None

    def arguments(self) -> dict[str, Any]:
        """Return how many lines, None for all."""
        return {"length": None if self.length == -1 else self.length}


class ConsoleText(ActionAnswer):
    """The newest lines of a console."""

    output: str

    @classmethod
    def of(cls, found: Any, view: ServiceViewSet) -> Response:
        """Return the text."""
        return Response({"output": found})


class SerialConsole(ActionBody):
    """The value of action ``os-getSerialConsole``."""

    type: Literal["serial"]

    def arguments(self) -> dict[str, Any]:
        """Return the kind of console."""
        return {"kind": self.type}


class VncConsole(ActionBody):
    """The value of action ``os-getVNCConsole``."""

    type: Literal["novnc", "xvpvnc"]

    def arguments(self) -> dict[str, Any]:
        """Return the kind of console."""
        return {"kind": self.type}


class ConsoleAt(Answer):
    """Where a console is."""

    type: str
    url: str


class ConsoleAddress(ActionAnswer):
    """Where a console can be looked at, up to 2.5."""

    console: ConsoleAt

    @classmethod
    def of(cls, found: Any, view: ServiceViewSet) -> Response:
        """Return the address."""
        url = address_of(view.request._request, found)
        return Response({"console": {"type": found.kind, "url": url}})


def body_of(action: InstanceAction) -> type[ActionBody] | None:
    """Return the class of an action's body; None: whatever its key holds says nothing."""
    found: type[ActionBody] | None = globals()[action.body] if action.body else None
    return found


def answer_of(action: InstanceAction) -> type[ActionAnswer] | None:
    """Return the class of an action's answer; None for one that has no body."""
    found: type[ActionAnswer] | None = globals()[action.answer] if action.answer else None
    return found


class _OneOf(BaseModel):
    """In the schema: one of what the records name when it is drawn."""

    @classmethod
    def kinds(cls) -> Iterator[Any]:
        """Return the models."""
        raise NotImplementedError

    @classmethod
    def model_json_schema(cls, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Return the union's schema."""
        return RootModel[reduce(or_, cls.kinds())].model_json_schema(*args, **kwargs)  # type: ignore[no-any-return,misc]


class ServerAction(_OneOf):
    """The body of POST /servers/{id}/action: exactly one key."""

    @classmethod
    def kinds(cls) -> Iterator[type[BaseModel]]:
        """Return an object for each action."""
        for action in ACTIONS.values():
            if action.wire:
                value: Any = Any
                if body := body_of(action):
                    required = any(one.is_required() for one in body.model_fields.values())
                    value = body if required else body | None
                name = "".join(part.capitalize() for part in f"server_{action.name}".split("_"))
                facts: Any = {action.wire: (value, ...)}
                yield create_model(name, __base__=Answer, __module__=__name__, **facts)


class ServerActionAnswer(_OneOf):
    """What the actions that have an answer send."""

    @classmethod
    def kinds(cls) -> Iterator[type[BaseModel]]:
        """Return an answer for each of them."""
        yield from {answer for action in ACTIONS.values() if (answer := answer_of(action))}


def answers() -> dict[int, type[ServerActionAnswer] | None]:
    """Return what the schema says of each status; where an action may send no body, none is promised."""
    found: dict[int, type[ServerActionAnswer] | None] = {}
    for action in ACTIONS.values():
        if action.wire:
            body = ServerActionAnswer if action.answer else None
            found[action.status] = body and found.get(action.status, body)
    return found
