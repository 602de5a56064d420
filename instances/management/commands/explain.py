"""``manage.py explain --project P --flavor F --image I``: where a server would go, and why."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from cloudweb.exceptions import CloudwebError
from compute.scheduler import JudgedHost
from instances.considering import consider


class Command(BaseCommand):
    """Say of each host which filter refuses it, or what it weighs; nothing is taken."""

    help = __doc__ or ""

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        for name in ("project", "flavor", "image"):
            parser.add_argument(f"--{name}", required=True, metavar="ID")
        parser.add_argument("--network", action="append", default=[], metavar="ID")
        parser.add_argument("--zone", default="")
        parser.add_argument("--host", default="")
        parser.add_argument("--hint", action="append", default=[], metavar="KEY=VALUE")

    def handle(self, *args: Any, **options: Any) -> None:
        """Ask and print."""
        try:
            verdict = consider(
                project_id=options["project"],
                flavor_id=options["flavor"],
                image_id=options["image"],
                networks=options["network"],
                zone=options["zone"],
                host=options["host"],
                hints=_hints(options["hint"]),
            )
        except CloudwebError as error:
            raise CommandError(error.message) from error
        if verdict.fits:
            self.stdout.write(f"It would go to one of {', '.join(verdict.drawn_from)}.")
        else:
            self.stdout.write(verdict.reason)
        for host in verdict.hosts:
            self.stdout.write(f"{host.name} ({host.zone}): {_words(host)}")
        more = verdict.total - len(verdict.hosts)
        if more:
            self.stdout.write(f"and {more:,} hosts more")


def _hints(said: list[str]) -> dict[str, Any]:
    """Return what is said; a key that is there twice has a list."""
    found: dict[str, Any] = {}
    for one in said:
        key, sign, value = one.partition("=")
        if not sign:
            raise CommandError(f"Not KEY=VALUE: {one}")
        found[key] = [*found[key], value] if key in found else [value]
    return {key: values[0] if len(values) == 1 else values for key, values in found.items()}


def _words(host: JudgedHost) -> str:
    if host.refused:
        return ", ".join(why for _, why in host.refused)
    parts = ", ".join(f"{name} {value:g}" for name, value in host.weights)
    return f"weighs {host.weight:.3f} ({parts})"
