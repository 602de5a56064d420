"""The second step of a log-in at a page: what proves more than the password did."""

from __future__ import annotations

import enum

from cloudweb.throttle import admit
from identity import lockout, multifactor, passcodes, recovery_codes
from identity.models import User


class Need(enum.Enum):
    """What is still asked of somebody who has shown his password."""

    NOTHING = enum.auto()
    PASSCODE = enum.auto()
    #: His rules ask for a passcode, and nothing of his shows one.
    DEVICE = enum.auto()
    #: His rules ask for something that a page cannot take.
    OTHER = enum.auto()


def need_of(user: User) -> Need:
    """Return what this user has to show besides his password."""
    if multifactor.enough(user, ["password"]):
        return Need.NOTHING
    if not multifactor.enough(user, ["password", "totp"]):
        return Need.OTHER
    if not passcodes.seeds(user) and not recovery_codes.left(user.pk):
        return Need.DEVICE
    return Need.PASSCODE


def has_factor(user: User) -> bool:
    """Tell whether the user can show a passcode or a recovery code, whatever his rules ask for."""
    return bool(passcodes.seeds(user)) or recovery_codes.left(user.pk) > 0


def passed(user: User, code: str) -> bool:
    """Tell whether this is a passcode or a recovery code of the user, and let it count no more.

    A wrong one counts for the lock-out as a wrong password does. Raises TooManyRequests: six digits
    could be guessed by asking often enough.
    """
    admit("passcode", user.pk)
    if lockout.is_locked(user):
        return False
    right = passcodes.use(user, code) or recovery_codes.use(user, code)
    if right:
        lockout.forget(user)
    else:
        lockout.failed(user)
    return right
