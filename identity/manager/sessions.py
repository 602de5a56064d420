"""Browsers' sessions: Django keeps them, and forgets none by itself."""

from __future__ import annotations

from datetime import timedelta

from django.contrib.sessions.models import Session

from cloudweb.database import clock
from cloudweb.manager import Manager
from cloudweb.periodic import periodic
from cloudweb.policy import policy

BATCH, BATCHES = 1000, 100  # forgotten in one round, so that it ends


class SessionManager(Manager):
    """The sessions of the dashboard and the operator console."""

    @periodic(every=timedelta(hours=1))
    @policy("identity:sessions:forget")
    def forget_sessions(self) -> None:
        """Drop sessions of browsers that expired, in batches."""
        expired = Session.objects.filter(expire_date__lt=clock.now()).order_by("expire_date")
        for _ in range(BATCHES):
            keys = list(expired.values_list("pk", flat=True)[:BATCH])
            Session.objects.filter(pk__in=keys, expire_date__lt=clock.now()).delete()
            if len(keys) < BATCH:
                return
