"""Settings of reconciliation, read from the environment."""

from __future__ import annotations

from datetime import timedelta

from cloudweb.conf import env

#: Whether differences are healed by themselves, or wait for an operator's click.
HEALS: bool = env.bool("RECONCILE_HEALS", default=True)
#: So many seconds something that nobody knows is shown before it is taken away for good.
HOLD = timedelta(seconds=env.float("RECONCILE_HOLD", default=24 * 3600.0))
