"""``manage.py drain HOST [--reason WORDS] [--no-wait]``: move all servers off a host."""

from __future__ import annotations

import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from cloudweb.context import RequestContext
from cloudweb.exceptions import CloudwebError
from instances.manager import HostDrainManager
from instances.models import HostDrain
from instances.models.host_drain import DrainState

LOOK_EVERY = 2.0  # seconds


class Command(BaseCommand):
    """Empty a host, and say how far that is until nothing more moves."""

    help = __doc__ or ""

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        parser.add_argument("host")
        parser.add_argument("--reason", default="")
        parser.add_argument("--no-wait", action="store_true", help="return at once")

    def handle(self, *args: Any, **options: Any) -> None:
        """Start, and watch."""
        manager, host, said = HostDrainManager(RequestContext.system()), options["host"], ""
        try:
            row = manager.drain(host, reason=options["reason"])
            while not options["no_wait"] and row.state == DrainState.DRAINING:
                if (words := _words(row)) != said:
                    self.stdout.write(words)
                    said = words
                time.sleep(LOOK_EVERY)
                row = manager.get(host)
        except CloudwebError as error:
            raise CommandError(error.message) from error
        self.stdout.write(_words(row))
        for server_id, why in sorted(row.stuck.items()):
            self.stdout.write(f"  {server_id} stays: {why}")
        if row.stuck:
            raise CommandError(f"{len(row.stuck)} servers stay on {host}.")


def _words(row: HostDrain) -> str:
    return (
        f"{row.host}, {row.get_state_display()}: {len(row.moved)} of {len(row.servers)} moved, "
        f"{len(row.moving)} under way, {len(row.stuck)} stay."
    )
