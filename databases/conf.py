"""Settings of databases, read from the environment.

``MAX_VOLUME`` is the largest volume a database may have, in GiB.
"""

from __future__ import annotations

from cloudweb.conf import env

MAX_VOLUME = env.int("DATABASE_MAX_VOLUME", default=1000)
