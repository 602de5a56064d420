"""Instances on the wire (contract 7.1)."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from django.conf import settings
from pydantic import BeforeValidator, Field, StringConstraints, model_validator

from cloudweb.api.answers import Answer, Link
from cloudweb.api.fields import Body, IpAddress, IpPrefix, LooseBool, Name, PositiveNumber, Text
from cloudweb.api.links import resource_links
from cloudweb.api.shown import Form, Of, Only, Scene, Seen, When
from cloudweb.times import parse_moment, seconds
from databases.models import DatabaseInstance
from databases.requests import InstanceRequest, NewDatabase, NewUser


def _last_part(value: Any) -> Any:
    """Read an id also where it is the end of a URL, and one that is a number."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value.rstrip("/").rpartition("/")[2] if isinstance(value, str) else value


Ref = Annotated[str, StringConstraints(min_length=1, max_length=255), BeforeValidator(_last_part)]
Word = Annotated[str, StringConstraints(max_length=128)]


class DatabaseBody(Body):
    """A database to be made."""

    name: Word
    character_set: Word | None = None
    collate: Word | None = None

    def wanted(self) -> NewDatabase:
        """Return what the manager takes."""
        return NewDatabase(
            name=self.name, character_set=self.character_set or "", collate=self.collate or ""
        )


class NamedDatabase(Body):
    """A database by its name."""

    name: Word


class UserBody(Body):
    """A user to be made."""

    name: Word
    password: Annotated[str, StringConstraints(max_length=255)]
    host: Word | None = None
    databases: list[NamedDatabase] = Field(default_factory=list, max_length=500)

    def wanted(self) -> NewUser:
        """Return what the manager takes."""
        return NewUser(
            name=self.name,
            password=self.password,
            host=self.host or "%",
            databases=tuple(one.name for one in self.databases),
        )


class VolumeBody(Body):
    """How large the data's volume is, in GiB, and of which type."""

    size: PositiveNumber
    type: Text | None = None


class DatastoreBody(Body):
    """A version of a datastore: by ids or names, or by the number it has for itself."""

    type: Text | None = None
    version: Text | None = None
    version_number: Text | None = None


class NicBody(Body):
    """The network that clients come from."""

    net_id: Text | None = Field(default=None, alias="net-id")
    network_id: Text | None = None
    subnet_id: Text | None = None
    ip_address: IpAddress | None = None
    fixed_ip: IpAddress | None = Field(default=None, alias="v4-fixed-ip")
    port_id: None = Field(default=None, alias="port-id")

    @property
    def network(self) -> str | None:
        """Its id."""
        return self.network_id or self.net_id


class AccessBody(Body):
    """Who may come from where."""

    is_public: LooseBool = False
    allowed_cidrs: list[IpPrefix] = Field(default_factory=list, max_length=50)
    require_tls: LooseBool | None = None


class FailoverBody(Body):
    """Whether a replica takes over by itself, and from a source that is ill for how many seconds."""

    automatic: LooseBool
    after: PositiveNumber = 60


class RestorePointBody(Body):
    """The backup that an instance begins with; or (this cloud's own) what another one held at a time."""

    backupRef: Ref | None = None  # noqa: N815 - the wire's word
    instance: Ref | None = None
    time: Text | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> RestorePointBody:
        if (self.backupRef is None) == (self.instance is None):
            raise ValueError("Name a backupRef, or an instance and a time.")
        if (self.instance is None) != (self.time is None):
            raise ValueError("An instance and a time belong together.")
        return self

    @property
    def moment(self) -> datetime | None:
        """The time; raise InvalidInput."""
        return None if self.time is None else parse_moment(self.time, field="time")


class InstanceCreate(Body):
    """``instance`` of POST /instances."""

    name: Name
    flavorRef: Ref | None = None  # noqa: N815 - the wire's word
    volume: VolumeBody | None = None
    datastore: DatastoreBody | None = None
    nics: list[NicBody] = Field(default_factory=list, max_length=1)
    databases: list[DatabaseBody] = Field(default_factory=list, max_length=100)
    users: list[UserBody] = Field(default_factory=list, max_length=100)
    configuration: Ref | None = None
    restorePoint: RestorePointBody | None = None  # noqa: N815 - the wire's word
    replica_of: Ref | None = None
    slave_of: Ref | None = None
    replica_count: PositiveNumber | None = None
    availability_zone: Text | None = None
    region_name: Text | None = None
    locality: Literal["affinity", "anti-affinity"] | None = None
    access: AccessBody | None = None
    modules: list[None] = Field(default_factory=list, max_length=0)

    def wanted(self) -> InstanceRequest:
        """Return what the manager takes."""
        nic = self.nics[0] if self.nics else NicBody()
        datastore = self.datastore or DatastoreBody()
        access = self.access or AccessBody()
        return InstanceRequest(
            name=self.name,
            flavor_id=self.flavorRef,
            volume_size=self.volume.size if self.volume else None,
            volume_type=(self.volume.type if self.volume else None) or None,
            datastore=datastore.type,
            version=datastore.version,
            version_number=datastore.version_number,
            network_id=nic.network,
            subnet_id=nic.subnet_id,
            address=nic.ip_address or nic.fixed_ip,
            zone=self.availability_zone,
            locality=self.locality or "",
            databases=[one.wanted() for one in self.databases],
            users=[one.wanted() for one in self.users],
            configuration_id=self.configuration,
            backup_id=self.restorePoint.backupRef if self.restorePoint else None,
            copy_of=self.restorePoint.instance if self.restorePoint else None,
            moment=self.restorePoint.moment if self.restorePoint else None,
            replica_of=self.replica_of or self.slave_of,
            replica_count=self.replica_count or 1,
            is_public=access.is_public,
            allowed_cidrs=tuple(access.allowed_cidrs),
            require_tls=bool(access.require_tls),
        )


class FlavorRef(Answer):
    """A flavor's id and where it is."""

    id: str
    links: list[Link]


class DatastoreRef(Answer):
    """What an instance is of."""

    type: str
    version: str
    version_number: str


class VolumeShown(Answer):
    """The data's volume in GiB; ``used`` as its guest said last."""

    size: int
    used: float | None = None


class AddressShown(Answer):
    """Where clients find it."""

    address: str
    type: str
    network: str


class AccessShown(Answer):
    """Who may come from where, and whether by TLS alone."""

    is_public: bool
    allowed_cidrs: list[str]
    require_tls: bool


class FailoverShown(Answer):
    """A replica takes over by itself from a source that is ill for so many seconds."""

    automatic: bool
    after: int


class InstanceRef(Answer):
    """Another instance."""

    id: str
    links: list[Link]


class FaultShown(Answer):
    """Why something failed."""

    message: str
    created: str
    details: str


class ConfigurationRef(Answer):
    """The configuration that is attached."""

    id: str
    name: str
    links: list[Link]


def _links(kind: str, key: object, scene: Scene) -> list[dict[str, str]]:
    return resource_links(scene.request, f"{kind}/{key}")


def _flavor(row: DatabaseInstance, scene: Scene) -> dict[str, Any]:
    return {"id": row.flavor_id, "links": _links("flavors", row.flavor_id, scene)}


def _datastore(row: DatabaseInstance) -> dict[str, Any]:
    version = row.version
    return {
        "type": version.datastore.name,
        "version": version.name,
        "version_number": version.number,
    }


def _volume(row: DatabaseInstance) -> dict[str, Any]:
    used = {} if row.volume_used is None else {"used": row.volume_used}
    return {"size": row.volume_size, **used}


def _addresses(row: DatabaseInstance) -> list[dict[str, Any]]:
    kind = "public" if row.is_public else "private"
    return [{"address": one, "type": kind, "network": str(row.network_id)} for one in row.addresses]


def _instance_ref(key: object, scene: Scene) -> dict[str, Any]:
    return {"id": str(key), "links": _links("instances", key, scene)}


def _configuration(row: DatabaseInstance, scene: Scene) -> dict[str, Any]:
    one = row.configuration
    assert one is not None
    return {
        "id": str(one.id),
        "name": one.name,
        "links": _links("configurations", one.id, scene),
    }


def _fault(row: DatabaseInstance, scene: Scene) -> dict[str, Any]:
    admin = scene.context is not None and scene.context.is_admin
    return {
        "message": row.fault_message,
        "created": seconds(row.fault_at or row.updated_at),
        "details": row.fault_detail if admin else "",
    }


def _failover(row: DatabaseInstance) -> dict[str, Any] | None:
    watched = getattr(row, "failover_watch", None)
    return {"automatic": True, "after": watched.after} if watched else None


def _is_admin(scene: Scene) -> bool:
    return scene.context is not None and scene.context.is_admin


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _access(row: DatabaseInstance) -> dict[str, Any]:
    return {name: getattr(row, name) for name in AccessShown.model_fields}


class InstanceBrief(Answer):
    """An instance in a list."""

    id: Annotated[str, Form(str)]
    name: str
    status: str
    operating_status: str
    links: Annotated[list[Link], Seen(lambda row, scene: _links("instances", row.id, scene))]
    flavor: Annotated[FlavorRef, Seen(_flavor)]
    volume: Annotated[VolumeShown, Of(_volume)]
    datastore: Annotated[DatastoreRef, Of(_datastore)]
    region: Annotated[str, Seen(lambda _row, _scene: settings.REGION)]
    access: Annotated[
        AccessShown,
        Of(_access),
    ]
    ip: Annotated[list[str] | None, Of("addresses"), Only(lambda row: bool(row.addresses))] = None
    addresses: Annotated[
        list[AddressShown] | None, Of(_addresses), Only(lambda row: bool(row.addresses))
    ] = None
    replica_of: Annotated[
        InstanceRef | None,
        Seen(lambda row, scene: _instance_ref(row.replica_of_id, scene)),
        Only(lambda row: row.replica_of_id is not None),
    ] = None
    replicas: Annotated[
        list[InstanceRef] | None,
        Seen(lambda row, scene: [_instance_ref(one.id, scene) for one in row.replicas.all()]),
        Only(lambda row: bool(row.replicas.all())),
    ] = None
    tenant_id: Annotated[str | None, Of("project_id"), When(_is_admin)] = None


class InstanceShown(InstanceBrief):
    """An instance."""

    created: Annotated[str, Of("created_at"), Form(seconds)]
    updated: Annotated[str, Of("updated_at"), Form(seconds)]
    service_status_updated: Annotated[
        str | None, Of("reported_at"), Form(seconds), Only(lambda row: row.reported_at is not None)
    ] = None
    configuration: Annotated[
        ConfigurationRef | None,
        Seen(lambda row, scene: _configuration(row, scene) if row.configuration else None),
        Only(lambda row: row.configuration is not None),
    ] = None
    locality: Annotated[str | None, Only(lambda row: bool(row.locality))] = None
    fault: Annotated[FaultShown | None, Seen(_fault), Only(lambda row: bool(row.fault_message))] = (
        None
    )
    failover: Annotated[
        FailoverShown | None,
        Of(_failover),
        Only(lambda row: hasattr(row, "failover_watch")),
    ] = None
    server_id: Annotated[str | None, Form(_text), When(_is_admin)] = None
    volume_id: Annotated[str | None, Form(_text), When(_is_admin)] = None
