"""Flavor access: which projects may use a private flavor."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import IntegrityError, transaction

from cloudweb.context import RequestContext
from cloudweb.exceptions import BadRequest, NotFound
from cloudweb.manager import Manager
from cloudweb.policy import policy
from compute.exceptions import (
    FlavorAccessExists,
    FlavorAccessNotFound,
    FlavorIsPublic,
    FlavorNotFound,
)
from compute.models import Flavor, FlavorAccess
from identity.manager import ProjectManager


class FlavorAccessManager(Manager):
    """The access list of a private flavor."""

    @policy("compute:flavor_access:list")
    def list(self, flavor_id: str) -> Sequence[str]:
        """Return the ids of the projects; raise FlavorAccessNotFound for a public flavor."""
        if self._flavor(flavor_id).is_public:
            raise FlavorAccessNotFound("Access list not available for public flavors.")
        return self._projects(flavor_id)

    @policy("compute:flavor_access:add")
    def add(self, flavor_id: str, project_id: str, *, refuse_public: bool = True) -> Sequence[str]:
        """Grant access and return the whole list.

        Raises BadRequest for a project that does not exist, FlavorAccessExists, and FlavorIsPublic
        unless ``refuse_public`` is off (versions to 2.6).
        """
        if self._flavor(flavor_id).is_public and refuse_public:
            raise FlavorIsPublic
        try:
            project_id = ProjectManager(RequestContext.system()).get(project_id).pk
        except NotFound as error:
            raise BadRequest(f"Project ID {project_id} is not a valid project.") from error
        try:
            with transaction.atomic():
                FlavorAccess.objects.create(flavor_id=flavor_id, project_id=project_id)
        except IntegrityError as error:
            raise FlavorAccessExists(
                f"Flavor access already exists for flavor {flavor_id} and project {project_id} combination."
            ) from error
        return self._projects(flavor_id)

    @policy("compute:flavor_access:remove")
    def remove(self, flavor_id: str, project_id: str) -> Sequence[str]:
        """Withdraw access and return the rest of the list; raise FlavorAccessNotFound."""
        self._flavor(flavor_id)
        granted = FlavorAccess.objects.filter(flavor_id=flavor_id, project_id=project_id)
        if not granted.delete()[0]:
            raise FlavorAccessNotFound(
                f"Flavor access not found for {flavor_id} / {project_id} combination."
            )
        return self._projects(flavor_id)

    def _flavor(self, flavor_id: str) -> Flavor:
        flavor = Flavor.objects.filter(pk=flavor_id).first()
        if flavor is None:
            raise FlavorNotFound(flavor_id)
        return flavor

    def _projects(self, flavor_id: str) -> Sequence[str]:
        return list(
            FlavorAccess.objects.filter(flavor_id=flavor_id).values_list("project_id", flat=True)
        )
