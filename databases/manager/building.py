"""Instances are made: what is asked for is checked, recorded and started."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

import orjson
from django.db import transaction

from cloudweb.encryption import encrypt
from cloudweb.exceptions import BadRequest, Forbidden, NotFound
from cloudweb.identifiers import as_uuid
from cloudweb.policy import policy
from compute.manager import FlavorManager
from databases import conf, names, quota
from databases.exceptions import BackupBusy, ConfigurationDoesNotFit
from databases.images import image_of
from databases.manager.backups import DatabaseBackupManager
from databases.manager.configurations import ConfigurationManager
from databases.manager.datastores import DatastoreManager
from databases.manager.lookup import InstanceLookups
from databases.manager.parts_project import ensure_parts_project
from databases.manager.point_in_time import PointInTimeManager
from databases.manager.replicas import check_followers
from databases.models import DatabaseInstance, DatastoreVersion
from databases.operations import CreateDatabase
from databases.requests import InstanceRequest, NewDatabase, NewUser
from databases.states import WHOLE
from network.manager import PortManager
from volume.manager import VolumeTypeManager

MOST_REPLICAS = 10


class InstanceBuilding(InstanceLookups):
    """Makes instances in the caller's project."""

    @policy("database:instances:create")
    def create(self, wanted: InstanceRequest) -> DatabaseInstance:
        """Record a new instance and start building it.

        Raises what is wrong with datastore, flavor, volume, network or contents, and QuotaExceeded.
        """
        wanted, version, more = self._beginning(wanted)
        columns = self._columns(wanted, version) | more
        check_contents(version.manager, wanted.databases, wanted.users)
        names_of = [wanted.name]
        if wanted.replica_count > 1:
            names_of = [f"{wanted.name}-{number + 1}" for number in range(wanted.replica_count)]
        with transaction.atomic():
            made = []
            for name in names_of:
                self._reserve(columns)
                made.append(DatabaseInstance.objects.create(**columns | {"name": name}))
                CreateDatabase.start(self.context, resource_id=str(made[-1].id))
            if (source := columns.get("replica_of")) is not None:
                check_followers(source)
        return self.get(str(made[0].id))

    def _beginning(
        self, wanted: InstanceRequest
    ) -> tuple[InstanceRequest, DatastoreVersion, dict[str, Any]]:
        """Return what is wanted, whole, its version, and the columns of what it begins with."""
        if wanted.replica_of is not None:
            return self._as_replica(wanted, self._at_rest(wanted.replica_of))
        if wanted.replica_count > 1:
            raise BadRequest("Only replicas are made by the dozen.")
        if wanted.copy_of is not None and wanted.moment is not None:
            way = PointInTimeManager(self.context).way_to(wanted.copy_of, wanted.moment)
            begun = replace(wanted, backup_id=str(way.backup.id))
            found, version, more = self._from_backup(begun)
            return found, version, more | {"restored_until": wanted.moment}
        if wanted.backup_id is not None:
            return self._from_backup(wanted)
        chosen = DatastoreManager(self.context).chosen(
            wanted.datastore, wanted.version, wanted.version_number
        )
        configuration = None
        if wanted.configuration_id is not None:
            configuration = ConfigurationManager(self.context).get(wanted.configuration_id)
            if configuration.version_id != chosen.id:
                raise ConfigurationDoesNotFit
        return wanted, chosen, {"configuration": configuration}

    def _as_replica(
        self, wanted: InstanceRequest, source: DatabaseInstance
    ) -> tuple[InstanceRequest, DatastoreVersion, dict[str, Any]]:
        if source.replica_of_id is not None:
            raise BadRequest(f"Instance {source.id} is a replica itself.")
        if wanted.databases or wanted.users or wanted.backup_id:
            raise BadRequest("A replica has what its source has.")
        if wanted.datastore and source.version != DatastoreManager(self.context).chosen(
            wanted.datastore, wanted.version, wanted.version_number
        ):
            raise BadRequest("A replica is of its source's datastore and version.")
        if wanted.volume_size is not None and wanted.volume_size < source.volume_size:
            raise BadRequest("The volume of a replica must not be smaller than its source's.")
        if wanted.replica_count > MOST_REPLICAS:
            raise BadRequest(f"At most {MOST_REPLICAS} replicas are made at once.")
        if not source.replication_secret:
            rows = DatabaseInstance.objects.filter(id=source.id, replication_secret="")
            rows.update(replication_secret=encrypt(secrets.token_urlsafe(24)))
        filled = replace(
            wanted,
            flavor_id=wanted.flavor_id or source.flavor_id,
            volume_size=wanted.volume_size or source.volume_size,
            network_id=wanted.network_id or str(source.network_id),
        )
        more = {"replica_of": source, "configuration": source.configuration}
        return filled, source.version, more

    def _from_backup(
        self, wanted: InstanceRequest
    ) -> tuple[InstanceRequest, DatastoreVersion, dict[str, Any]]:
        backup = DatabaseBackupManager(self.context).find(wanted.backup_id or "")
        if backup.status not in WHOLE:
            raise BackupBusy(backup.id, f"is {backup.status}")
        if (wanted.volume_size or 0) < backup.volume_size:
            raise BadRequest(f"The volume must have {backup.volume_size} GiB at least.")
        if wanted.datastore is not None:
            chosen = DatastoreManager(self.context).chosen(
                wanted.datastore, wanted.version, wanted.version_number
            )
            if chosen.id != backup.version_id:
                raise BadRequest("The backup is of another datastore version.")
        return wanted, backup.version, {"restored_from": backup.id}

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
            "require_tls": wanted.require_tls,
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
