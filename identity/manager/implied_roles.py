"""Which role contains which."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction
from django.db.models import QuerySet

from cloudweb.database.locks import locked
from cloudweb.exceptions import Conflict, Forbidden
from cloudweb.manager import Manager
from cloudweb.policy import policy
from identity import revocations
from identity.exceptions import ImplicationNotFound
from identity.manager.roles import RoleManager
from identity.models import Implication, Role
from identity.querysets import implied_closure
from identity.reach import names_within


class ImpliedRoleManager(Manager):
    """Implications: who has the prior role has the implied one too."""

    @policy("identity:implied_roles:list")
    def list(self) -> QuerySet[Implication]:
        """Return every implication with both roles, by the prior one's name."""
        rows = Implication.objects.select_related("prior", "implied")
        return rows.order_by("prior__name", "prior_id", "implied__name")

    @policy("identity:implied_roles:list")
    def list_of(self, prior_id: str) -> tuple[Role, Sequence[Role]]:
        """Return a role and those that it implies directly; raise RoleNotFound."""
        prior = RoleManager(self.context).get(prior_id)
        rows = Implication.objects.filter(prior=prior).select_related("implied")
        return prior, tuple(row.implied for row in rows.order_by("implied__name"))

    @policy("identity:implied_roles:get")
    def get(self, prior_id: str, implied_id: str) -> Implication:
        """Return an implication; raise RoleNotFound, ImplicationNotFound."""
        prior, implied = self._both(prior_id, implied_id)
        row = Implication.objects.filter(prior=prior, implied=implied).first()
        if row is None:
            raise ImplicationNotFound
        return row

    @policy("identity:implied_roles:create")
    def create(self, prior_id: str, implied_id: str) -> Implication:
        """Let one role contain another; nothing happens if it does already.

        Raises RoleNotFound, Conflict for a circle, and Forbidden for admin, which is only ever
        given as such, and for a domain's own role that one of the whole cloud would imply.
        """
        prior, implied = self._both(prior_id, implied_id)
        if implied.domain_id is not None and prior.domain_id is None:
            raise Forbidden("A role of the whole cloud cannot imply a domain's own role.")
        if implied.name == "admin":
            raise Forbidden("No role may imply admin.")
        with transaction.atomic():
            # One at a time: two implications that are harmless alone may close a circle.
            tuple(locked(Role.objects.order_by("pk")).values_list("pk"))
            if prior.pk in implied_closure([implied.pk])[implied.pk]:
                raise Conflict(f"The role {implied.name} contains {prior.name} already.")
            return Implication.objects.get_or_create(prior=prior, implied=implied)[0]

    @policy("identity:implied_roles:delete")
    def delete(self, prior_id: str, implied_id: str) -> None:
        """Withdraw an implication, which voids the tokens that carry what it brought."""
        row = self.get(prior_id, implied_id)
        with transaction.atomic():
            names = names_within({row.implied_id})
            row.delete()
            for name in sorted(names):
                revocations.revoke(role=name)

    def _both(self, prior_id: str, implied_id: str) -> tuple[Role, Role]:
        roles = RoleManager(self.context)
        return roles.get(prior_id), roles.get(implied_id)
