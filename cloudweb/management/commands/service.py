"""``manage.py service TOPIC[,TOPIC] [--host NAME]``: run one service, or several, in this process."""

from __future__ import annotations

import os
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from cloudweb.topics import CONTROL, HOST_DOMAINS, host_topic


class Command(BaseCommand):
    """Serve topics: conductor, scheduler, taskmanager, control (all three), beat; compute, network, host (both)."""

    help = __doc__ or ""
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        parser.add_argument("topics", help="comma-separated topics, or control, or host, or beat")
        parser.add_argument("--host", default="", help="the host, for compute, network and host")
        parser.add_argument("--concurrency", type=int, default=4)

    def handle(self, *args: Any, **options: Any) -> None:
        """Run until stopped."""
        from cloudweb.service import ring, run

        if options["topics"] == "beat":
            ring()
            return
        topics: list[str] = []
        for name in options["topics"].split(","):
            if name == "control":
                topics += CONTROL
            elif name in CONTROL:
                topics.append(name)
            elif name in (*HOST_DOMAINS, "host"):
                topics += self._host_topics(name, options["host"])
            else:
                raise CommandError(f"There is no topic {name!r}.")
        code = run(topics, concurrency=options["concurrency"])
        if code:
            raise SystemExit(code)

    def _host_topics(self, name: str, host: str) -> list[str]:
        if not host:
            raise CommandError(f"{name} needs --host: which host is this?")
        os.environ.setdefault("CLOUDWEB_HOST", host)
        try:
            return [host_topic(d, host) for d in (HOST_DOMAINS if name == "host" else (name,))]
        except ValueError as error:
            raise CommandError(
                "A host's name is lower-case letters, digits, dots and hyphens."
            ) from error
