"""``manage.py withdraw_host NAME``: nothing that the host says is believed any more."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from operations.joining import withdraw_host


class Command(BaseCommand):
    """Forget the key of a host that was lost or stolen."""

    help = __doc__ or ""

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        parser.add_argument("name")

    def handle(self, *args: Any, **options: Any) -> None:
        """Withdraw the key."""
        if not withdraw_host(options["name"]):
            raise CommandError(f"There is no host {options['name']}.")
        self.stdout.write(f"The key of {options['name']} counts no more.")
