"""What libraries import in passing, if it is there, and no process of ours uses: it is left out.

It would be some 20 MiB in each process. Commands of ``manage.py`` other than ``service`` import what they like.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import ModuleType

from cloudweb.conf import env

#: Colours of structlog's tracebacks, DRF's test client and forms for coreapi, httpx's other event loop, pages of
#: Django's admindocs and other template engines, Celery's look at its memory: each asks first whether it is there.
OPTIONAL = ("rich", "pygments", "requests", "trio", "docutils", "jinja2", "psutil")
#: Imported by redis and limits themselves without asking; nothing of ours awaits an answer of Redis or a limit.
UNASKED = ("redis.asyncio", "limits.aio")


def leave_out() -> None:
    """Make these look as if they were not installed; call it before anything is imported."""
    for name in _unused():
        sys.modules.setdefault(name, None)  # type: ignore[arg-type]  # Python's way to say so
    for name in UNASKED:
        sys.modules.setdefault(name, ModuleType(name))


def _unused() -> Iterator[str]:
    yield from OPTIONAL
    if not env.str("DATABASE_URL", default="").startswith(("postgres", "pgsql")):
        yield "psycopg"
