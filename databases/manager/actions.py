"""What is done to instances: restart, sizes, settings, upgrade; and what operators put right."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import transaction

from cloudweb.database.clock import now
from cloudweb.exceptions import BadRequest, NotFound
from cloudweb.policy import policy
from compute.manager import FlavorManager
from databases import conf, quota
from databases.exceptions import ConfigurationDoesNotFit, HasReplicas
from databases.manager.building import InstanceBuilding
from databases.manager.configurations import ConfigurationManager
from databases.manager.datastores import DatastoreManager
from databases.manager.replicas import check_followers
from databases.models import DatabaseInstance
from databases.operations import (
    ConfigureDatabase,
    DeleteDatabase,
    GrowDatabase,
    ResizeDatabase,
    RestartDatabase,
    UpgradeDatabase,
)
from databases.operations.fencing import server_of
from databases.operations.parts import let_in_again
from databases.states import OperatingStatus, Task
from operations.saga import Saga


class InstanceActions(InstanceBuilding):
    """All raise DatabaseInstanceNotFound, and InstanceNotAvailable (422) where something else is done to it."""

    @policy("database:instances:restart")
    def restart(self, instance_id: str) -> None:
        """Start restarting the datastore."""
        self._start(RestartDatabase, instance_id, Task.REBOOT)

    @policy("database:instances:resize")
    def resize(self, instance_id: str, *, flavor_id: str) -> None:
        """Start giving an instance another flavor; raise BadRequest for the same one or less disk, QuotaExceeded."""
        try:
            flavor = FlavorManager(self.context).get(flavor_id)
        except NotFound as error:
            raise BadRequest(error.message) from error
        with transaction.atomic():
            found = self._take(instance_id, Task.RESIZE)
            if found.flavor_id == flavor.id:
                raise BadRequest("When resizing, the flavor must be another one.")
            server = server_of(found)
            if server is not None and flavor.disk < server.disk:
                raise BadRequest(
                    f"A disk does not shrink: the flavor must have {server.disk} GiB of it at least."
                )
            quota.reserve(found.project_id, ram=flavor.ram - found.ram)
            args = {"flavor_id": flavor.id, "ram": flavor.ram}
            ResizeDatabase.start(self.context, resource_id=str(found.id), args=args)

    @policy("database:instances:resize")
    def resize_volume(self, instance_id: str, *, size: int) -> None:
        """Start letting the volume grow to so many GiB; raise BadRequest for no more, QuotaExceeded."""
        with transaction.atomic():
            found = self._take(instance_id, Task.RESIZE)
            if size <= found.volume_size:
                raise BadRequest(
                    f"The new volume 'size' must be larger than the current one of {found.volume_size} GiB."
                )
            if size > conf.MAX_VOLUME:
                raise BadRequest(f"A volume may have {conf.MAX_VOLUME} GiB at most.")
            quota.reserve(found.project_id, volumes=size - found.volume_size)
            GrowDatabase.start(self.context, resource_id=str(found.id), args={"size": size})

    @policy("database:instances:update")
    def configure(self, instance_id: str, configuration_id: str | None) -> None:
        """Start giving an instance the settings of a configuration, or (None) its defaults again.

        Raises ConfigurationNotFound, ConfigurationDoesNotFit, BadRequest for one that its replicas have no room with.
        """
        configuration = None
        if configuration_id is not None:
            configuration = ConfigurationManager(self.context).get(configuration_id)
        with transaction.atomic():
            found = self._take(instance_id, Task.CONFIGURING)
            if configuration is not None:
                fits = configuration.version_id == found.version_id
                if not fits or configuration.project_id != found.project_id:
                    raise ConfigurationDoesNotFit
            before = found.configuration_id
            rows = DatabaseInstance.objects.filter(id=found.id)
            rows.update(configuration=configuration)
            check_followers(rows.get())
            ConfigureDatabase.start(
                self.context,
                resource_id=str(found.id),
                args={"before": before and str(before)},
            )

    @policy("database:instances:update")
    def upgrade(self, instance_id: str, *, version: str) -> None:
        """Start serving an instance's data with a newer version; raise BadRequest for one of another release."""
        with transaction.atomic():
            found = self._take(instance_id, Task.UPGRADE)
            datastore = str(found.version.datastore_id)
            new = DatastoreManager(self.context).chosen(datastore, version)
            if new not in DatastoreManager(self.context).upgrades(found.version):
                raise BadRequest(
                    f"Data of version '{found.version.name}' cannot be served by version '{new.name}': "
                    "an upgrade is to a newer version of the same release."
                )
            UpgradeDatabase.start(
                self.context, resource_id=str(found.id), args={"version": str(new.id)}
            )

    @policy("database:instances:update")
    def rename(self, instance_id: str, *, name: str) -> None:
        """Give an instance another name."""
        found = self.get(instance_id)
        DatabaseInstance.objects.filter(id=found.id).update(name=name, updated_at=now())

    @policy("database:instances:update")
    def set_access(
        self,
        instance_id: str,
        *,
        is_public: bool,
        allowed_cidrs: Sequence[str],
        require_tls: bool | None = None,
    ) -> None:
        """Let clients in from these blocks alone; from where they come unasked, without any.

        Whether they must come by TLS is told to the guest; None leaves it.
        """
        with transaction.atomic():
            found = self._at_rest(instance_id)
            rows = DatabaseInstance.objects.filter(id=found.id)
            rows.update(is_public=is_public, allowed_cidrs=list(allowed_cidrs), updated_at=now())
            let_in_again(self.get(instance_id))
            if require_tls is None or require_tls == found.require_tls:
                return
            self._take(instance_id, Task.CONFIGURING)
            rows.update(require_tls=require_tls)
            before = found.configuration_id
            args = {"before": before and str(before), "require_tls_before": found.require_tls}
            ConfigureDatabase.start(self.context, resource_id=str(found.id), args=args)

    @policy("database:instances:delete")
    def delete(self, instance_id: str) -> None:
        """Start deleting an instance that is at rest or failed; raise HasReplicas while any follows it."""
        found = self.get(instance_id)
        with transaction.atomic():
            if found.replicas.exists():
                raise HasReplicas(found.id)
            rows = DatabaseInstance.objects.filter(id=found.id).deletable()
            if not rows.update(task=Task.SHUTDOWN, updated_at=now()):
                self._refuse(found)
            DeleteDatabase.start(self.context, resource_id=str(found.id), preempt=True)

    @policy("database:instances:reset_status")
    def reset_status(self, instance_id: str) -> None:
        """Say of an instance whose task hangs, or failed, that it failed: it can be deleted then."""
        found = self.get(instance_id)
        rows = DatabaseInstance.objects.filter(id=found.id).exclude(task=Task.SHUTDOWN)
        rows.update(
            operating_status=OperatingStatus.UNKNOWN,
            fault_message=found.fault_message or "Its status was reset.",
            fault_at=found.fault_at or now(),
            updated_at=now(),
        )

    def _start(self, saga: type[Saga], instance_id: str, task: Task, **args: Any) -> None:
        with transaction.atomic():
            found = self._take(instance_id, task)
            saga.start(self.context, resource_id=str(found.id), args=args)
