"""``manage.py evacuate HOST [--to HOST] [--no-wait]``: build all servers of a dead host again elsewhere."""

from __future__ import annotations

import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from cloudweb.context import RequestContext
from cloudweb.exceptions import CloudwebError
from instances.manager import HostEvacuation, HostEvacuationManager

LOOK_EVERY = 2.0  # seconds


class Command(BaseCommand):
    """Evacuate a host that is provably dead, and say how far that is until nothing more moves."""

    help = __doc__ or ""

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        parser.add_argument("host")
        parser.add_argument("--to", metavar="HOST", help="where to, instead of where there is room")
        parser.add_argument("--no-wait", action="store_true", help="return at once")

    def handle(self, *args: Any, **options: Any) -> None:
        """Start, and watch."""
        manager, host, said = HostEvacuationManager(RequestContext.system()), options["host"], ""
        try:
            found = manager.start(host, to=options["to"])
        except CloudwebError as error:
            raise CommandError(error.message) from error
        while found.moving and not options["no_wait"]:
            if (words := _words(host, found)) != said:
                self.stdout.write(words)
                said = words
            time.sleep(LOOK_EVERY)
            manager.look(found)
        self.stdout.write(_words(host, found))
        for server_id, why in sorted(found.stuck.items()):
            self.stdout.write(f"  {server_id} stays: {why}")
        if found.stuck:
            raise CommandError(f"{len(found.stuck)} servers stay on {host}.")


def _words(host: str, found: HostEvacuation) -> str:
    return (
        f"{host}: {len(found.moved)} run elsewhere, {len(found.moving)} under way, "
        f"{len(found.stuck)} stay."
    )
