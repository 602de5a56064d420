"""Settings of volumes, read from the environment.

``OVERSUBSCRIPTION`` says how many times over a pool's capacity may be promised where volumes take
only the room of what is written to them. ``DEFAULT_TYPE`` names the volume type of who names none.
``BACKUP_STORE`` names the image store that keeps backups (the first one, if none). ``BACKUP_PROOFS`` says
how many backups each hour's round proves, of those that were not for ``BACKUP_PROVEN_DAYS``; one with up
to ``BACKUP_PROOF_SIZE`` GiB of data is restored whole, of a larger one blocks of as much are opened.
``MESSAGES_KEPT`` is for how many days users can read why something failed.
"""

from __future__ import annotations

from cloudweb.conf import env

DEFAULT_ZONE = env.str("VOLUME_DEFAULT_ZONE", default="nova")
OVERSUBSCRIPTION = env.float("VOLUME_OVERSUBSCRIPTION", default=20.0)
DEFAULT_TYPE = env.str("VOLUME_DEFAULT_TYPE", default="__DEFAULT__")
BACKUP_STORE = env.str("VOLUME_BACKUP_STORE", default="")
BACKUP_PROOFS = env.int("VOLUME_BACKUP_PROOFS", default=2)
BACKUP_PROVEN_DAYS = env.int("VOLUME_BACKUP_PROVEN_DAYS", default=7)
BACKUP_PROOF_SIZE = env.int("VOLUME_BACKUP_PROOF_SIZE", default=20) * 1024**3
MESSAGES_KEPT = env.int("VOLUME_MESSAGES_KEPT", default=30)
