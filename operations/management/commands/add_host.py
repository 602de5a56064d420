"""``manage.py add_host NAME [--directory DIR] [--new-key]``: let a host join the cloud."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from cloudweb.service import host_directory
from operations.joining import add_host


class Command(BaseCommand):
    """Draw a host's key and write its credentials."""

    help = __doc__ or ""

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        parser.add_argument("name")
        parser.add_argument("--directory", type=Path, default=None)
        parser.add_argument(
            "--new-key", action="store_true", help="the key it had counts no more; restart the host"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Add the host."""
        directory = options["directory"] or host_directory(options["name"])
        try:
            add_host(options["name"], directory, new_key=options["new_key"])
        except ValueError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"Host {options['name']} may join; its credentials are in {directory}.")
