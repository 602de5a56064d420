"""How many of each thing a user may keep: whoever has any role can make them, so there is an end.

Keystone has such ends for credentials and application credentials (``user_limit``); the settings
``USER_LIMITS`` hold them for all that is a user's own.
"""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings

from cloudweb.database.locks import locked
from identity.exceptions import TooManyOfUser
from identity.models import User


def hold(user_id: str, kind: str, *, used: Callable[[], int], more: int = 1) -> None:
    """Raise TooManyOfUser unless ``more`` of a kind fit; inside the caller's transaction.

    The user's row stays locked until the commit, so two requests never take the same place.
    """
    limit = settings.USER_LIMITS[kind]
    list(locked(User.objects.filter(pk=user_id)).values_list("pk"))
    if limit and used() + more > limit:
        raise TooManyOfUser(kind=kind, limit=limit)
