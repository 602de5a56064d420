"""``python -m cloudweb.supervisor.removal``: take everything of this installation off the machine.

Guests first, then their volumes and networks, for every host that was run from this data directory.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from cloudweb.conf import var_dir
from cloudweb.leaving import remove_host
from cloudweb.supervisor.output import say


def remove_hosts(directory: Path) -> int:
    """Remove what each host under ``directory`` holds; return the number of failures, each said."""
    failures = 0
    for home in sorted(directory.iterdir()) if directory.exists() else ():
        for problem in remove_host(home.name, home):
            failures += 1
            say(problem)
    return failures


def main() -> int:
    """Remove all; return 1 when something may be left."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cloudweb.settings.agent")
    import django

    django.setup()
    return 1 if remove_hosts(var_dir() / "hosts") else 0


if __name__ == "__main__":
    sys.exit(main())
