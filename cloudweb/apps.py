"""The base library as a Django app: it brings commands and templates, no tables."""

from pathlib import Path

from django.apps import AppConfig

from cloudweb.conf import env


class CloudwebConfig(AppConfig):
    """The base library."""

    name = "cloudweb"

    def ready(self) -> None:
        """Count SQL statements where the benchmarks ask for it."""
        directory = env.str("CLOUDWEB_COUNT_SQL", default="")
        if directory:
            from cloudweb.database.statements import count_into

            count_into(Path(directory))
