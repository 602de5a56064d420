"""``manage.py prepare``: everything between an empty directory and a cloud that can be started."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from cloudweb.preparation import CannotPrepare, prepare


class Command(BaseCommand):
    """Idempotent: the second time it finds everything done."""

    help = "Migrate and fill the database, write var/clouds.yaml."
    requires_system_checks: list[str] = []

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Prepare, and say in one sentence why not."""
        try:
            prepare(say=self.stdout.write)
        except CannotPrepare as error:
            raise CommandError(str(error)) from error
