"""Extra specs: free keys of a flavor that filters and drivers may read."""

from __future__ import annotations

from collections.abc import Mapping

from cloudweb.manager import Manager
from cloudweb.policy import policy
from compute.exceptions import FlavorExtraSpecNotFound, FlavorNotFound
from compute.manager.flavors import FlavorManager
from compute.models import Flavor, FlavorExtraSpec


class FlavorExtraSpecManager(Manager):
    """A flavor's extra specs."""

    @policy("compute:flavor_extra_specs:list")
    def list(self, flavor_id: str) -> dict[str, str]:
        """Return all extra specs of a flavor that this caller sees."""
        return FlavorManager(self.context).get(flavor_id).specs()

    @policy("compute:flavor_extra_specs:show")
    def get(self, flavor_id: str, key: str) -> str:
        """Return one value; raise FlavorExtraSpecNotFound."""
        specs = FlavorManager(self.context).get(flavor_id).specs()
        if key not in specs:
            raise FlavorExtraSpecNotFound(flavor_id=flavor_id, key=key)
        return specs[key]

    @policy("compute:flavor_extra_specs:create")
    def create(self, flavor_id: str, specs: Mapping[str, str]) -> None:
        """Set several keys in one statement, new ones and old."""
        self._write(flavor_id, specs)

    @policy("compute:flavor_extra_specs:update")
    def update(self, flavor_id: str, key: str, value: str) -> None:
        """Set one key."""
        self._write(flavor_id, {key: value})

    @policy("compute:flavor_extra_specs:delete")
    def delete(self, flavor_id: str, key: str) -> None:
        """Remove one key; raise FlavorExtraSpecNotFound."""
        if not Flavor.objects.filter(pk=flavor_id).exists():
            raise FlavorNotFound(flavor_id)
        if not FlavorExtraSpec.objects.filter(flavor_id=flavor_id, key=key).delete()[0]:
            raise FlavorExtraSpecNotFound(flavor_id=flavor_id, key=key)

    def _write(self, flavor_id: str, specs: Mapping[str, str]) -> None:
        if not Flavor.objects.filter(pk=flavor_id).exists():
            raise FlavorNotFound(flavor_id)
        FlavorExtraSpec.objects.bulk_create(
            [FlavorExtraSpec(flavor_id=flavor_id, key=k, value=v) for k, v in specs.items()],
            update_conflicts=True,
            unique_fields=["flavor", "key"],
            update_fields=["value"],
        )
