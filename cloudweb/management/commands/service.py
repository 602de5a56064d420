"""``manage.py service TOPIC[,TOPIC] [--host NAME]``: run one service, or several, in this process.

``manage.py`` itself runs those of a host, without Django; this is for all others, and for ``help``.
"""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from cloudweb import service


class Command(BaseCommand):
    """Serve topics: control (conductor, scheduler, taskmanager), beat, ovn; compute, network, host (both)."""

    help = __doc__ or ""
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        service.add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        """Run until stopped."""
        try:
            code = service.serve(
                options["topics"], host=options["host"], concurrency=options["concurrency"]
            )
        except ValueError as error:
            raise CommandError(str(error)) from error
        if code:
            raise SystemExit(code)
