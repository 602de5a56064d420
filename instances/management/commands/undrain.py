"""``manage.py undrain HOST``: place servers on a host again."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from cloudweb.context import RequestContext
from cloudweb.exceptions import CloudwebError
from instances.manager import HostDrainManager


class Command(BaseCommand):
    """Put a host back that was drained."""

    help = __doc__ or ""

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        parser.add_argument("host")

    def handle(self, *args: Any, **options: Any) -> None:
        """Put it back."""
        try:
            HostDrainManager(RequestContext.system()).undrain(options["host"])
        except CloudwebError as error:
            raise CommandError(error.message) from error
        self.stdout.write(f"Servers may be placed on {options['host']} again.")
