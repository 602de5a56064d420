"""Mappings: rules that turn a provider's claims into a user here."""

from __future__ import annotations

from typing import Any

from django.db.models import ProtectedError, QuerySet

from cloudweb.exceptions import Conflict
from cloudweb.manager import Manager
from cloudweb.policy import policy
from identity.exceptions import DuplicateName, MappingNotFound
from identity.federation.rules import parse_rules
from identity.manager.writing import change, insert
from identity.models import Mapping


class MappingManager(Manager):
    """Rules by name, which protocols refer to."""

    @policy("identity:mappings:list")
    def list(self) -> QuerySet[Mapping]:
        """Return every mapping."""
        return Mapping.objects.all()

    @policy("identity:mappings:get")
    def get(self, mapping_id: str) -> Mapping:
        """Return a mapping; raise MappingNotFound."""
        row = Mapping.objects.filter(pk=mapping_id).first()
        if row is None:
            raise MappingNotFound(mapping_id)
        return row

    @policy("identity:mappings:create")
    def create(self, mapping_id: str, *, rules: Any, schema_version: str = "1.0") -> Mapping:
        """Record rules; raise DuplicateName, or InvalidInput for rules that cannot be honoured."""
        parse_rules(rules)
        mapping = Mapping(pk=mapping_id, rules=rules, schema_version=schema_version)
        insert(mapping, taken=DuplicateName(kind="mapping", name=mapping_id))
        return mapping

    @policy("identity:mappings:update")
    def update(self, /, mapping_id: str, **changes: Any) -> Mapping:
        """Change rules; they count from the next log-in on."""
        mapping = self.get(mapping_id)
        if "rules" in changes:
            parse_rules(changes["rules"])
        change(mapping, changes, taken=DuplicateName(kind="mapping", name=mapping_id))
        return mapping

    @policy("identity:mappings:delete")
    def delete(self, mapping_id: str) -> None:
        """Remove rules; raise Conflict while a protocol uses them."""
        try:
            self.get(mapping_id).delete()
        except ProtectedError as error:
            raise Conflict(f"The mapping {mapping_id} is used by a protocol.") from error
