"""One-time passwords: seeds kept encrypted, each passcode good once."""

from __future__ import annotations

import binascii
import hmac

from django.db import IntegrityError, transaction

from cloudweb.database import clock
from cloudweb.encryption import decrypt
from identity.models import Credential, UsedPasscode, User

TYPE = "totp"
#: Of what may be given as a passcode; recovery codes fit, too.
LONGEST = 64
PERIOD = 30
#: A passcode of the period before still counts, for clocks that differ and slow fingers.
EARLIER = 1


def use(user: User, passcode: str) -> bool:
    """Tell whether a device of this user shows the passcode now, and let it count no more."""
    counters = [
        counter for seed in seeds(user) if (counter := matching(seed, passcode)) is not None
    ]
    if not counters:
        return False
    counter = max(counters)
    try:
        with transaction.atomic():
            UsedPasscode.objects.create(user=user, counter=counter)
    except IntegrityError:
        return False
    UsedPasscode.objects.filter(user=user, counter__lt=counter - EARLIER).delete()
    return True


def seeds(user: User) -> list[str]:
    """Return the secrets of the user's devices, base32."""
    rows = Credential.objects.filter(user=user, type=TYPE)
    return [decrypt(blob) for blob in rows.values_list("encrypted_blob", flat=True)]


def matching(seed: str, passcode: str) -> int | None:
    """Return the number of the period in which a device with this seed shows the passcode."""
    import pyotp  # no log-in without a second factor pays for it

    now = int(clock.now().timestamp()) // PERIOD
    try:
        device = pyotp.TOTP(seed)
        shown = {counter: device.generate_otp(counter) for counter in (now, now - EARLIER)}
    except (binascii.Error, ValueError):  # a client stored something else under this type
        return None
    given = passcode.strip()
    for counter, expected in shown.items():
        if given.isascii() and hmac.compare_digest(expected, given):
            return counter
    return None
