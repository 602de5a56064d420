"""The configuration of domains: kept for who asks; settings decide what this cloud does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from cloudweb.database.locks import locked
from cloudweb.encryption import encrypt
from cloudweb.exceptions import InvalidInput
from cloudweb.manager import Manager
from cloudweb.policy import policy
from identity.domain_options import DEFAULTS, compliance, is_known, is_secret
from identity.exceptions import DomainConfigNotFound, InvalidDomainConfig
from identity.manager.domains import DomainManager
from identity.models import DEFAULT_DOMAIN_ID, Domain, DomainOption

LONGEST = 4096
MOST_VALUES = 64
Given = Mapping[str, Any]


class DomainConfigManager(Manager):
    """Options in groups, whole, by group or one by one."""

    @policy("identity:domain_configs:get")
    def get(self, domain_id: str, group: str | None = None, option: str | None = None) -> Given:
        """Return what is set, but for secrets; an option comes without its group.

        Raises DomainNotFound, DomainConfigNotFound, InvalidDomainConfig for what nobody can set.
        """
        domain = DomainManager(self.context).get(domain_id)
        _check_known(group, option)
        found = _shown(domain, group, option)
        if not found:
            raise DomainConfigNotFound(domain_id, group, option)
        return found if group is None or option is None else found[group]

    @policy("identity:domain_configs:default")
    def default(self, group: str | None = None, option: str | None = None) -> Given:
        """Return what holds where nothing is set; raise InvalidDomainConfig."""
        _check_known(group, option)
        if group is None:
            return DEFAULTS
        if option is None:
            return {group: DEFAULTS[group]}
        if is_secret(group, option):
            raise InvalidDomainConfig(f"The option {option} is never shown.")
        return {option: DEFAULTS[group][option]}

    @policy("identity:security_compliance:get")
    def compliance(self, domain_id: str, option: str | None = None) -> Given:
        """Return the rules for passwords; they are the same in every domain, asked of the default one."""
        if DomainManager(self.context).get(domain_id).pk != DEFAULT_DOMAIN_ID:
            raise InvalidDomainConfig("Only the default domain tells the rules for passwords.")
        found = compliance()
        options = found["security_compliance"]
        if option is None:
            return found
        if option not in options:
            raise InvalidDomainConfig("Only the expression for passwords and its words are told.")
        return {option: options[option]}

    @policy("identity:domain_configs:create")
    def replace(self, domain_id: str, config: Given) -> tuple[Given, bool]:
        """Set the whole configuration; return it, and whether there was none before.

        Raises DomainNotFound, InvalidDomainConfig, InvalidInput.
        """
        domain = DomainManager(self.context).get(domain_id)
        _check(config)
        with transaction.atomic():
            locked(Domain.objects.filter(pk=domain.pk)).first()
            removed, _ = _rows(domain).delete()
            _write(domain, config)
            return _shown(domain), removed == 0

    @policy("identity:domain_configs:update")
    def update(
        self, domain_id: str, config: Given, group: str | None = None, option: str | None = None
    ) -> Given:
        """Set what is named, and return the whole.

        A group or an option of the URL must be set already, and be all that the body holds. Raises
        DomainNotFound, DomainConfigNotFound, InvalidDomainConfig, InvalidInput.
        """
        domain = DomainManager(self.context).get(domain_id)
        _check_known(group, option)
        wanted = {group: config} if group is not None and option is not None else config
        _check(wanted)
        inner = wanted.get(group) if group is not None else None
        alone = group is None or (set(wanted) == {group} and inner is not None)
        if not alone or (option is not None and set(inner or ()) != {option}):
            raise InvalidDomainConfig("The body holds what its URL names, and nothing else.")
        with transaction.atomic():
            locked(Domain.objects.filter(pk=domain.pk)).first()
            if not _rows(domain, group, option).exists():
                raise DomainConfigNotFound(domain_id, group, option)
            _write(domain, wanted)
            return _shown(domain)

    @policy("identity:domain_configs:delete")
    def delete(self, domain_id: str, group: str | None = None, option: str | None = None) -> None:
        """Forget what is set; raise DomainNotFound, DomainConfigNotFound, InvalidDomainConfig."""
        domain = DomainManager(self.context).get(domain_id)
        _check_known(group, option)
        with transaction.atomic():
            locked(Domain.objects.filter(pk=domain.pk)).first()
            removed, _ = _rows(domain, group, option).delete()
            if not removed:
                raise DomainConfigNotFound(domain_id, group, option)


def _rows(
    domain: Domain, group: str | None = None, option: str | None = None
) -> QuerySet[DomainOption]:
    rows = domain.options.order_by("group", "name")
    named = {"group": group, "name": option}
    return rows.filter(**{key: value for key, value in named.items() if value is not None})


def _shown(domain: Domain, group: str | None = None, option: str | None = None) -> Given:
    found: dict[str, dict[str, Any]] = {}
    for row in _rows(domain, group, option):
        if not is_secret(row.group, row.name):
            found.setdefault(row.group, {})[row.name] = row.value
    return found


def _write(domain: Domain, config: Given) -> None:
    for group, options in config.items():
        for name, value in options.items():
            hidden = is_secret(group, name)
            kept = {"value": None, "encrypted_value": encrypt(str(value))} if hidden else {}
            values = kept or {"value": value, "encrypted_value": ""}
            domain.options.update_or_create(group=group, name=name, defaults=values)


def _check_known(group: str | None, option: str | None = None) -> None:
    if group is not None and not is_known(group, option):
        what = f"The group {group[:64]}" if option is None else f"The option {option[:64]}"
        raise InvalidDomainConfig(f"{what} is not supported for domain specific configurations.")


def _check(config: Given) -> None:
    """Raise InvalidDomainConfig for what nobody can set, InvalidInput for what is no value."""
    if not config:
        raise InvalidDomainConfig("No options specified.")
    for group, options in config.items():
        if not options or not isinstance(options, Mapping):
            raise InvalidDomainConfig(f"The group {group[:64]} must be an object with options.")
        for name, value in options.items():
            _check_known(group, name)
            values = value if isinstance(value, list) else [value]
            if len(values) > MOST_VALUES or not all(_is_simple(one) for one in values):
                raise InvalidInput(field=name, value=None, reason="It is no value of an option.")


def _is_simple(value: Any) -> bool:
    if isinstance(value, str):
        return len(value) <= LONGEST and value.isprintable()
    return isinstance(value, int | float | None)
