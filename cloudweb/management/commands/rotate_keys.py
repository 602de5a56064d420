"""``manage.py rotate_keys``: new keys for what is encrypted, or for what is signed (docs/keys.md)."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from cloudweb import rotation


class Command(BaseCommand):
    """Draw a new key and bring everything under it; with --forget, drop the old ones."""

    help = "Draw a new key and bring everything under it; with --forget, drop the old ones."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        parser.add_argument("--forget", action="store_true", help="drop all keys but the newest")
        parser.add_argument(
            "--at-once", action="store_true", help="forget although the newest key is young"
        )
        parser.add_argument(
            "--signing", action="store_true", help="SECRET_KEY instead: tokens and sessions"
        )

    def handle(self, **options: Any) -> None:
        """Do it, and say what comes next."""
        if options["signing"]:
            self._signing(forget=options["forget"])
            return
        if options["forget"]:
            try:
                rows = rotation.forget_keys(at_once=options["at_once"], say=self.stdout.write)
            except rotation.TooEarly as error:
                raise CommandError(str(error)) from error
        else:
            fresh = rotation.add_key()
            self.stdout.write(
                "A new key is the first one now."
                if fresh
                else "The rotation before this one goes on; --forget ends it."
            )
            rows = rotation.renew_rows()
        self.stdout.write(f"{rows.renewed} values were encrypted anew.")
        for lost in rows.lost or ():
            self.stderr.write(f"No key opens {lost}; it stays as it is.")

    def _signing(self, *, forget: bool) -> None:
        if settings.SECRET_KEY_IS_GIVEN:
            raise CommandError(
                "SECRET_KEY comes from the environment: set the new one there, and the old one in "
                "SECRET_KEY_FALLBACKS."
            )
        if forget:
            count = rotation.forget_signing_keys()
            self.stdout.write(f"{count} key(s) forgotten. Restart the cloud's processes.")
        else:
            rotation.add_signing_key()
            self.stdout.write(
                "Restart the cloud's processes: they sign with the new key and still believe the "
                f"old one. After {settings.TOKEN_LIFETIME // 3600 + 1} hours give --forget as well."
            )
