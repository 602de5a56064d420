"""manage.py identity_provider: register an OpenID Connect provider, or change one."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from cloudweb.context import RequestContext
from cloudweb.exceptions import CloudwebError
from identity.federation.client import DEFAULT_SCOPES
from identity.manager import IdentityProviderManager, MappingManager, ProtocolManager
from identity.models import Domain, IdentityProvider, Mapping, Protocol

#: Whoever the provider knows may log in, under the name it gives; groups are for operators to map.
RULES = [
    {
        "local": [{"user": {"name": "{0}", "email": "{1}"}}],
        "remote": [{"type": "preferred_username"}, {"type": "email"}],
    },
    {"local": [{"user": {"name": "{0}"}}], "remote": [{"type": "preferred_username"}]},
]
PROTOCOL = "openid"


class Command(BaseCommand):
    """One call makes provider, mapping and protocol; a second one changes what it names."""

    help = __doc__ or ""

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take what the provider's registration page shows."""
        parser.add_argument("name", help="its name here, a part of URLs")
        parser.add_argument("--issuer", help="its URL, without /.well-known/…")
        parser.add_argument("--client-id", help="the name of this cloud there")
        parser.add_argument("--client-secret-file", type=Path, help="a file with the secret")
        parser.add_argument("--label", help="what the button on the log-in page says")
        parser.add_argument("--scopes", help=f"what to ask for (default {DEFAULT_SCOPES!r})")
        parser.add_argument("--audience", action="append", help="another audience of its tokens")
        parser.add_argument("--host", action="append", help="another host of its endpoints")
        parser.add_argument("--userinfo", action="store_true", default=None, help="ask it for more")
        parser.add_argument("--domain", help="the domain of its users (default: one of its own)")
        parser.add_argument("--rules", type=Path, help="a file with mapping rules (JSON)")

    def handle(self, **options: Any) -> None:
        """Do it and say what comes next."""
        name = options["name"]
        try:
            with transaction.atomic():
                self._provider(name, options)
                self._mapping(name, options["rules"])
        except CloudwebError as error:
            raise CommandError(error.message) from error
        self.stdout.write(
            f"Users of {name} can log in. Register this redirect URI there: "
            "<the address of this cloud>/login/oidc/callback"
        )

    def _provider(self, name: str, options: dict[str, Any]) -> None:
        manager = IdentityProviderManager(RequestContext.system())
        values: dict[str, Any] = {
            field: options[option]
            for field, option in (
                ("issuer", "issuer"),
                ("client_id", "client_id"),
                ("label", "label"),
                ("scopes", "scopes"),
                ("audiences", "audience"),
                ("hosts", "host"),
                ("asks_userinfo", "userinfo"),
            )
            if options[option] is not None
        }
        if options["client_secret_file"]:
            values["client_secret"] = _text(options["client_secret_file"]).strip()
        if IdentityProvider.objects.filter(pk=name).exists():
            manager.update(name, **values)
            return
        for needed in ("issuer", "client_id"):
            if not values.get(needed):
                raise CommandError(f"A new provider needs --{needed.replace('_', '-')}.")
        if options["domain"]:
            values["domain_id"] = _domain_id(options["domain"])
        manager.create(provider_id=name, remote_ids=[values["issuer"]], **values)

    def _mapping(self, name: str, file: Path | None) -> None:
        system = RequestContext.system()
        protocol = Protocol.objects.filter(provider_id=name, name=PROTOCOL).first()
        if file is None and protocol is not None:
            return
        rules = _rules(file) if file else RULES
        mapping_id = protocol.mapping_id if protocol else name
        if Mapping.objects.filter(pk=mapping_id).exists():
            MappingManager(system).update(mapping_id, rules=rules)
        else:
            MappingManager(system).create(mapping_id=mapping_id, rules=rules)
        if protocol is None:
            ProtocolManager(system).create(provider_id=name, name=PROTOCOL, mapping_id=mapping_id)


def _domain_id(given: str) -> str:
    named = Domain.objects.filter(name__iexact=given).first()
    found = named or Domain.objects.filter(pk=given).first()
    if found is None:
        raise CommandError(f"There is no domain {given}.")
    return str(found.pk)


def _text(file: Path) -> str:
    try:
        return file.read_text()
    except OSError as error:
        raise CommandError(f"{file}: {error.strerror}") from error


def _rules(file: Path) -> Any:
    try:
        return json.loads(_text(file))
    except ValueError as error:
        raise CommandError(f"{file} is no JSON: {error}") from error
