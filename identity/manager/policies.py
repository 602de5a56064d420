"""Policies: documents that other services keep here."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet

from cloudweb.exceptions import Conflict
from cloudweb.manager import Manager
from cloudweb.policy import policy
from identity.exceptions import PolicyNotFound
from identity.ids import undashed
from identity.manager.projects import merged
from identity.manager.writing import change
from identity.models import Policy


class PolicyManager(Manager):
    """Documents; what is in them is for the services that ask, this cloud follows its own rules."""

    @policy("identity:policies:list")
    def list(self) -> QuerySet[Policy]:
        """Return every policy."""
        return Policy.objects.all()

    @policy("identity:policies:get")
    def get(self, policy_id: str) -> Policy:
        """Return a policy; raise PolicyNotFound."""
        found = Policy.objects.filter(pk=undashed(policy_id)).first()
        if found is None:
            raise PolicyNotFound(policy_id)
        return found

    @policy("identity:policies:create")
    def create(self, /, *, type: str, blob: str, extra: dict[str, Any] | None = None) -> Policy:
        """Record a policy."""
        return Policy.objects.create(type=type, blob=blob, extra=extra or {})

    @policy("identity:policies:update")
    def update(self, /, policy_id: str, **changes: Any) -> Policy:
        """Change a policy; ``extra`` is merged: a null removes a key. Raises PolicyNotFound."""
        found = self.get(policy_id)
        if "extra" in changes:
            changes["extra"] = merged(found.extra, changes["extra"])
        change(found, changes, taken=Conflict("There is such a policy already."))
        return found

    @policy("identity:policies:delete")
    def delete(self, policy_id: str) -> None:
        """Remove a policy with its associations."""
        self.get(policy_id).delete()
