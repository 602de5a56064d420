"""``python -m cloudweb.supervisor.neighbours``: may this cloud be beside what runs on this machine already?

In a process of its own, because it loads drivers and the supervisor stays small.
"""

from __future__ import annotations

import os
import sys

from cloudweb.conf import host_name, var_dir
from cloudweb.driver import load_class
from cloudweb.exceptions import CloudwebError
from cloudweb.supervisor.output import say
from cloudweb.topics import HOST_DOMAINS


def main() -> int:
    """Ask each domain of this host; print the first sentence against it and return 1."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cloudweb.settings.agent")
    import django

    django.setup()
    home = var_dir() / "hosts" / host_name()
    for build in HOST_DOMAINS.values():
        try:
            load_class(build)(host=home.name, directory=home).preflight()
        except CloudwebError as error:
            say(f"{error.message} {error.detail}".strip())
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
