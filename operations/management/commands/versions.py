"""``manage.py versions``: which service is of which release, who is behind, and what waits for whom."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils.module_loading import autodiscover_modules

from cloudweb.version import RELEASE
from operations.standing import standings


class Command(BaseCommand):
    """List services with their releases; the exit code is 1 while somebody is behind."""

    help = __doc__ or ""

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        parser.add_argument("--all", action="store_true", help="name every method, too")

    def handle(self, *args: Any, **options: Any) -> None:
        """Say it."""
        autodiscover_modules("rpc")  # what this code could say
        self.stdout.write(f"This code is {RELEASE}.")
        found = standings()
        for one in found:
            state = "up" if one.up else "down"
            self.stdout.write(f"{one.topic:<32} {one.release:<10} {state:<5} {one.age}")
            if options["all"]:
                for method, (theirs, ours) in sorted(one.older.items()):
                    self.stdout.write(f"    speaks {method} {theirs}, this code {ours}")
                for method in one.lacks:
                    self.stdout.write(f"    does not know {method}")
            for sentence in one.waits:
                self.stdout.write(f"    waits: {sentence}")
        if any(one.age == "behind" for one in found):
            raise SystemExit(1)
