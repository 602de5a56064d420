"""Instances are made: what is asked for is checked, recorded and started."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import orjson
from django.db import transaction

from cloudweb.encryption import encrypt
from cloudweb.exceptions import BadRequest, Forbidden, NotFound
from cloudweb.identifiers import as_uuid
from cloudweb.policy import policy
from compute.manager import FlavorManager
from databases import conf, names, quota
from databases.images import image_of
from databases.manager.datastores import DatastoreManager
from databases.manager.lookup import InstanceLookups
from databases.manager.parts_project import ensure_parts_project
from databases.models import DatabaseInstance, DatastoreVersion
from databases.operations import CreateDatabase
from databases.requests import InstanceRequest, NewDatabase, NewUser
from network.manager import PortManager
from volume.manager import VolumeTypeManager


class InstanceBuilding(InstanceLookups):
    """Makes instances in the caller's project."""

    @policy("database:instances:create")
    def create(self, wanted: InstanceRequest) -> DatabaseInstance:
        """Record a new instance and start building it.

        Raises what is wrong with datastore, flavor, volume, network or contents, and QuotaExceeded.
        """
        version = DatastoreManager(self.context).chosen(
            wanted.datastore, wanted.version, wanted.version_number
        )
        columns = self._columns(wanted, version)
        check_contents(version.manager, wanted.databases, wanted.users)
        with transaction.atomic():
            self._reserve(columns)
            instance = DatabaseInstance.objects.create(**columns)
            CreateDatabase.start(self.context, resource_id=str(instance.id))
        return self.get(str(instance.id))

    def _reserve(self, columns: dict[str, Any]) -> None:
        quota.reserve(
            columns["project_id"], instances=1, volumes=columns["volume_size"], ram=columns["ram"]
        )

    def _columns(self, wanted: InstanceRequest, version: DatastoreVersion) -> dict[str, Any]:
        """Return what the row says, each checked against what the caller can see."""
        project = self.context.scoped_project_id
        if wanted.flavor_id is None:
            raise BadRequest("A flavor is needed.")
        try:
            flavor = FlavorManager(self.context).get(wanted.flavor_id)
            if wanted.volume_type:
                VolumeTypeManager(self.context).get(wanted.volume_type)
        except NotFound as error:
            raise BadRequest(error.message) from error
        size = wanted.volume_size
        if size is None:
            raise BadRequest("A volume size is needed.")
        if size > conf.MAX_VOLUME:
            raise BadRequest(f"A volume may have {conf.MAX_VOLUME} GiB at most.")
        image_of(version)
        self._check_network(wanted)
        return {
            "project_id": project,
            "user_id": self.context.user_id or "",
            "name": wanted.name,
            "version": version,
            "flavor_id": flavor.id,
            "ram": flavor.ram,
            "volume_size": size,
            "volume_type": wanted.volume_type or "",
            "zone": wanted.zone or "",
            "locality": wanted.locality,
            "network_id": as_uuid(wanted.network_id or ""),
            "subnet_id": as_uuid(wanted.subnet_id or ""),
            "wanted_address": wanted.address or "",
            "is_public": wanted.is_public,
            "allowed_cidrs": list(wanted.allowed_cidrs),
            "parts_project_id": ensure_parts_project(project),
            "first_contents": packed(wanted.databases, wanted.users),
        }

    def _check_network(self, wanted: InstanceRequest) -> None:
        if wanted.network_id is None:
            raise BadRequest("A network is needed: name one in 'nics'.")
        wish: dict[str, Any] = {}
        if wanted.subnet_id is not None:
            wish["subnet_id"] = wanted.subnet_id
        if wanted.address is not None:
            wish["ip_address"] = wanted.address
        try:
            PortManager(self.context).check_network(
                wanted.network_id, fixed_ips=[wish] if wish else None
            )
        except (NotFound, Forbidden) as error:
            raise BadRequest(error.message) from error


def check_contents(
    manager: str, databases: Sequence[NewDatabase], users: Sequence[NewUser]
) -> None:
    """Raise BadRequest for databases and users that no guest is asked for."""
    known = [one.name for one in databases]
    if len(set(known)) != len(known):
        raise BadRequest("Databases must have different names.")
    for name in known:
        names.check_database(manager, name)
    check_users(manager, users)
    for user in users:
        if unknown := {*user.databases} - {*known}:
            raise BadRequest(f"User {user.name} names unknown databases: {sorted(unknown)}.")


def check_users(manager: str, users: Sequence[NewUser]) -> None:
    """Raise BadRequest for users that no guest is asked for."""
    keys = [(one.name, one.host) for one in users]
    if len(set(keys)) != len(keys):
        raise BadRequest("Users must have different names.")
    for user in users:
        names.check_user(manager, user.name)
        names.check_host(manager, user.host)
        names.check_password(user.password)


def packed(databases: Sequence[NewDatabase], users: Sequence[NewUser]) -> str:
    """Return what an instance begins with, encrypted; nothing for nothing."""
    if not databases and not users:
        return ""
    said = {
        "databases": [asdict(one) for one in databases],
        "users": [asdict(one) for one in users],
    }
    return encrypt(orjson.dumps(said).decode())
