"""Flavors: the sizes operators offer."""

from __future__ import annotations

import uuid

from django.db import IntegrityError, transaction
from django.db.models import CharField, F, TextField, Value
from django.db.models.functions import Coalesce

from cloudweb.database.clock import now
from cloudweb.database.prepared import Given, Prepared
from cloudweb.exceptions import BadRequest
from cloudweb.holdings import holdings_of
from cloudweb.listing import MAX_LIMIT, Page, paginate
from cloudweb.manager import Manager
from cloudweb.policy import policy
from compute.exceptions import FlavorExists, FlavorInUse, FlavorNotFound
from compute.models import Flavor
from compute.querysets import FlavorQuerySet

#: Sort key of the API -> column.
SORT_KEYS = {
    "created_at": "created_at",
    "description": "description_or_blank",
    "disabled": "disabled",
    "ephemeral_gb": "ephemeral",
    "flavorid": "id",
    "id": "id",
    "is_public": "is_public",
    "memory_mb": "ram",
    "name": "name",
    "root_gb": "disk",
    "rxtx_factor": "rxtx_factor",
    "swap": "swap",
    "updated_at": "updated_at",
    "vcpus": "vcpus",
}


_ANY = Prepared(lambda: Flavor.objects.filter(pk=Given("id")))
_OPEN = Prepared(
    lambda: Flavor.objects.open_to(Given("project", CharField())).filter(
        pk=Given("id"), disabled=False
    )
)


class FlavorManager(Manager):
    """Flavors, for everyone to read and for admins to write."""

    def _visible(self) -> FlavorQuerySet:
        return Flavor.objects.visible_to(self.context)

    @policy("compute:flavors:list")
    def list(
        self,
        *,
        is_public: bool | None = True,
        min_ram: int = 0,
        min_disk: int = 0,
        sort_key: str = "flavorid",
        descending: bool = False,
        limit: int = MAX_LIMIT,
        marker: str | None = None,
    ) -> Page[Flavor]:
        """Return a page of flavors, extra specs with them.

        ``is_public`` is heard from admins alone: True is what the token's project may use, False
        the private ones, None all. Raises BadRequest for an unknown sort key or marker.
        """
        rows = self._visible()
        if self.context.is_admin and is_public is not None:
            rows = (
                rows.open_to(self.context.project_id) if is_public else rows.filter(is_public=False)
            )
        if sort_key not in SORT_KEYS:
            raise BadRequest(f"Flavors cannot be sorted by {sort_key[:64]}.")
        rows = rows.filter(ram__gte=min_ram, disk__gte=min_disk).annotate(
            description_or_blank=Coalesce(F("description"), Value(""), output_field=TextField())
        )
        after = None
        if marker is not None:
            after = rows.filter(pk=marker).first()
            if after is None:
                raise BadRequest(f"marker [{marker}] not found")
        sign = "-" if descending else ""
        order = dict.fromkeys((f"{sign}{SORT_KEYS[sort_key]}", f"{sign}id"))
        return paginate(
            rows.prefetch_related("extra_specs"), limit=limit, marker=after, order=tuple(order)
        )

    @policy("compute:flavors:show")
    def get(self, flavor_id: str) -> Flavor:
        """Return a flavor; raise FlavorNotFound for none or one this caller has no access to."""
        if self.context.is_admin:
            flavor = _ANY.row(id=flavor_id)
        else:
            flavor = _OPEN.row(id=flavor_id, project=self.context.project_id)
        if flavor is None:
            raise FlavorNotFound(flavor_id)
        return flavor

    @policy("compute:flavors:create")
    def create(
        self,
        *,
        name: str,
        ram: int,
        vcpus: int,
        disk: int,
        flavor_id: str | None = None,
        ephemeral: int = 0,
        swap: int = 0,
        rxtx_factor: float = 1.0,
        is_public: bool = True,
        description: str | None = None,
    ) -> Flavor:
        """Offer a new size (MiB, GiB); without an id it gets a UUID. Raises FlavorExists."""
        flavor = Flavor(
            id=flavor_id or str(uuid.uuid4()),
            name=name,
            ram=ram,
            vcpus=vcpus,
            disk=disk,
            ephemeral=ephemeral,
            swap=swap,
            rxtx_factor=rxtx_factor,
            is_public=is_public,
            description=description,
        )
        try:
            with transaction.atomic():
                flavor.save(force_insert=True)
        except IntegrityError as error:
            if Flavor.objects.filter(pk=flavor.pk).exists():
                raise FlavorExists(f"Flavor with ID {flavor.pk} already exists.") from error
            raise FlavorExists(f"Flavor with name {name} already exists.") from error
        return flavor

    @policy("compute:flavors:update")
    def update(self, flavor_id: str, *, description: str | None) -> Flavor:
        """Change a flavor's description; its size never changes."""
        changed = Flavor.objects.filter(pk=flavor_id).update(
            description=description, updated_at=now()
        )
        if not changed:
            raise FlavorNotFound(flavor_id)
        return self.get(flavor_id)

    @policy("compute:flavors:delete")
    def delete(self, flavor_id: str) -> None:
        """Withdraw a flavor; servers keep the copy they were built with. Raises FlavorInUse."""
        if held := holdings_of("flavor", flavor_id):
            raise FlavorInUse(flavor_id, holdings=held)
        deleted, _ = Flavor.objects.filter(pk=flavor_id).delete()
        if not deleted:
            raise FlavorNotFound(flavor_id)
