"""manage.py sync_directories: bring users and groups of LDAP directories up to date now."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from identity.directories.conf import WrongSetting, directories
from identity.directories.sync import sync_all


class Command(BaseCommand):
    """Mirror groups, refresh users, lock out those who left; safe to repeat."""

    help = __doc__ or ""

    def handle(self, **options: Any) -> None:
        """Do it and say what was found."""
        try:
            configured = directories()
        except WrongSetting as error:
            raise CommandError(str(error)) from error
        if not configured:
            self.stdout.write("No domain is backed by LDAP (LDAP_DOMAINS is empty).")
            return
        failed = False
        for report in sync_all():
            failed = failed or bool(report.problem)
            self.stdout.write(
                f"{report.domain}: {report.present} users are there, {report.left} left, "
                f"{report.groups} groups" + (f"; {report.problem}" if report.problem else "")
            )
        if failed:
            raise CommandError("A directory does not answer; its users were left as they are.")
