"""Settings of databases, read from the environment.

``MAX_VOLUME`` is the largest volume a database may have, in GiB. ``GUESTS`` are ``real`` ones, with an
agent, or ``fake`` ones, which answer at once; ``ANSWER_WITHIN`` is how long a client waits for what a guest
is asked, in seconds. ``BACKUP_STORE`` names the image store that keeps backups (the first one, if none).
``LOG_EVERY`` is how often guests send the log by which one goes back to a moment, in seconds; ``LOG_VOLUMES``
how much of it is kept, in volumes of its database. ``BACKUP_CHECKS`` is of how many backups each hour's round
compares all that the store has, ``BACKUP_PROOFS`` how many a day are restored on trial; of those for which that
was not tried for ``BACKUP_PROVEN_DAYS``.
"""

from __future__ import annotations

from cloudweb.conf import drivers, env

MAX_VOLUME = env.int("DATABASE_MAX_VOLUME", default=1000)
GUESTS = env.str("DATABASE_GUESTS", default=drivers())
BACKUP_STORE = env.str("DATABASE_BACKUP_STORE", default="")
LOG_EVERY = env.int("DATABASE_LOG_EVERY", default=300)
LOG_VOLUMES = env.int("DATABASE_LOG_VOLUMES", default=2)
ANSWER_WITHIN = env.float("DATABASE_ANSWER_WITHIN", default=10.0)
BACKUP_CHECKS = env.int("DATABASE_BACKUP_CHECKS", default=4)
BACKUP_PROOFS = env.int("DATABASE_BACKUP_PROOFS", default=2)
BACKUP_PROVEN_DAYS = env.int("DATABASE_BACKUP_PROVEN_DAYS", default=7)
