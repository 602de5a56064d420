"""manage.py bootstrap: what a cloud has from its first minute."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand

from cloudweb.conf import env
from identity.bootstrap import auth_url, bootstrap


class Command(BaseCommand):
    """Make domain, roles, projects, users, region and catalog; safe to repeat."""

    help = __doc__ or ""

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take passwords (better by environment) and the file for clients."""
        parser.add_argument(
            "--admin-password",
            default=env.str("CLOUDWEB_ADMIN_PASSWORD", default=None),
            help="the operator's password (CLOUDWEB_ADMIN_PASSWORD); else drawn once and kept",
        )
        parser.add_argument(
            "--demo-password",
            default=env.str("CLOUDWEB_DEMO_PASSWORD", default=None),
            help="the demo user's password (CLOUDWEB_DEMO_PASSWORD); else drawn once and kept",
        )
        parser.add_argument("--clouds", type=Path, help="write a clouds.yaml for clients here")

    def handle(self, **options: Any) -> None:
        """Do it and say where to go."""
        bootstrap(
            admin_password=options["admin_password"],
            demo_password=options["demo_password"],
            clouds_file=options["clouds"],
        )
        self.stdout.write(f"Identity is ready at {auth_url()}.")
        if options["clouds"]:
            self.stdout.write(f"Log-ins are in {options['clouds']}.")
