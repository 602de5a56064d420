"""Settings of volumes, read from the environment.

``OVERSUBSCRIPTION`` says how many times over a pool's capacity may be promised where volumes take
only the room of what is written to them. ``DEFAULT_TYPE`` names the volume type of who names none.
"""

from __future__ import annotations

from cloudweb.conf import env

DEFAULT_ZONE = env.str("VOLUME_DEFAULT_ZONE", default="nova")
OVERSUBSCRIPTION = env.float("VOLUME_OVERSUBSCRIPTION", default=20.0)
DEFAULT_TYPE = env.str("VOLUME_DEFAULT_TYPE", default="__DEFAULT__")
