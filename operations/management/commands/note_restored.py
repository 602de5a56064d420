"""``manage.py note_restored``: the database was restored from a copy, so hosts are told all anew."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from operations.restored import note_restored


class Command(BaseCommand):
    """Go on above whatever hosts heard of since the copy was made; run it before the cloud starts."""

    help = __doc__ or ""

    def handle(self, *args: Any, **options: Any) -> None:
        """Note it."""
        note_restored()
        self.stdout.write("Every host will be told all anew once the cloud runs.")
