"""The second factor: devices that show passcodes, and the codes for when they are lost."""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from cryptography.fernet import InvalidToken
from django.db import transaction

from cloudweb import audit
from cloudweb.database import clock
from cloudweb.encryption import decrypt, encrypt
from cloudweb.exceptions import Conflict, Forbidden
from cloudweb.manager import Manager
from cloudweb.policy import policy
from identity import multifactor, passcodes, recovery_codes, revocations
from identity.exceptions import CredentialNotFound, UserNotFound, WrongNewPasscode
from identity.ids import undashed
from identity.manager.secrets import Proof
from identity.models import Credential, RecoveryCode, Source, UsedPasscode, User

ISSUER = "Cloudweb"
MOST_DEVICES = 8
#: How long a seed that was shown may be confirmed.
PATIENCE = timedelta(minutes=15)
#: Set on devices where the user, not an operator, asked for the rule.
OWN_WISH = "own_wish"


@dataclass(frozen=True, slots=True)
class Beginning:
    """A seed that is not in force: ``sealed`` is all that may be kept of it until it is confirmed."""

    seed: str
    uri: str
    sealed: str


@dataclass(frozen=True, slots=True)
class Confirmed:
    """A device in force, and the recovery codes if it is the first one."""

    device: Credential
    codes: Sequence[str]


@dataclass(frozen=True, slots=True)
class Standing:
    """What a user has: his devices, unused codes, whether log-ins ask for a passcode."""

    devices: Sequence[Credential]
    codes_left: int
    required: bool
    own_wish: bool
    available: bool


class SecondFactorManager(Manager):
    """The caller's own second factor; operators may take one away."""

    @policy("identity:second_factors:get")
    def get(self) -> Standing:
        """Return how the caller stands."""
        user = self._user()
        devices = _devices(user)
        return Standing(
            devices=devices,
            codes_left=recovery_codes.left(user.pk),
            required=bool(multifactor.rules_of(user)),
            own_wish=_is_own_wish(devices),
            available=user.source != Source.OIDC,
        )

    @policy("identity:second_factors:begin")
    def begin(self) -> Beginning:
        """Draw a seed for a new device; nothing changes until it is confirmed."""
        import pyotp  # loaded with the first device

        user = self._user()
        seed = pyotp.random_base32()
        until = (clock.now() + PATIENCE).timestamp()
        sealed = encrypt(json.dumps({"user": user.pk, "seed": seed, "until": until}))
        return Beginning(seed, _uri(user, seed), sealed)

    @policy("identity:second_factors:begin")
    def resume(self, sealed: str) -> Beginning:
        """Return the same beginning again; raise Conflict where it is over or somebody else's."""
        user = self._user()
        seed = _opened(user, sealed)
        return Beginning(seed, _uri(user, seed), sealed)

    @policy("identity:second_factors:create")
    def confirm(
        self, *, sealed: str, label: str, password: str, passcode: str, current_passcode: str = ""
    ) -> Confirmed:
        """Keep a device that shows the right passcode; ``current_passcode`` is of one kept before.

        The first one makes log-ins ask for it, voids all tokens and other sessions and draws
        recovery codes. Raises Conflict, WrongPassword, WrongPasscode, WrongNewPasscode,
        TooManyRequests.
        """
        user = self._user()
        seed = _opened(user, sealed)
        counter = passcodes.matching(seed, passcode)
        if counter is None:
            raise WrongNewPasscode
        if any(decrypt(one.encrypted_blob) == seed for one in _devices(user)):
            raise Conflict("This device was added already.")
        Proof(password, current_passcode).check(user)
        first = not recovery_codes.left(user.pk) and not _devices(user)
        codes = recovery_codes.draw() if first else ()
        rows = recovery_codes.rows_of(user.pk, codes)
        with transaction.atomic():
            user = User.objects.select_for_update().get(pk=user.pk)
            devices = _devices(user)
            if any(decrypt(one.encrypted_blob) == seed for one in devices):
                raise Conflict("This device was added already.")
            if len(devices) >= MOST_DEVICES:
                raise Conflict(f"A user has at most {MOST_DEVICES} devices. Remove one first.")
            own_wish = not multifactor.rules_of(user) or _is_own_wish(devices)
            UsedPasscode.objects.get_or_create(user=user, counter=counter)
            device = Credential.objects.create(
                user=user,
                type=passcodes.TYPE,
                encrypted_blob=encrypt(seed),
                extra={"label": label, OWN_WISH: own_wish},
            )
            if codes:
                recovery_codes.replace(user.pk, rows)
            if not multifactor.rules_of(user):
                user.options = {**user.options, **multifactor.SWITCHED_ON}
            if not devices:
                _end_sessions(user)
            user.save(update_fields=["options", "session_stamp"])
            if not devices:
                revocations.revoke(user_id=user.pk)
        return Confirmed(device, codes)

    @policy("identity:second_factors:delete")
    def remove(self, device_id: str, *, password: str, passcode: str) -> None:
        """Forget a device; with the last one log-ins ask for the password alone again.

        Raises CredentialNotFound, WrongPassword, WrongPasscode, TooManyRequests, and Forbidden for
        the last device of a user of whom an operator demands one.
        """
        user = self._user()
        if not any(one.pk == device_id for one in _devices(user)):
            raise CredentialNotFound(device_id)
        Proof(password, passcode).check(user)
        with transaction.atomic():
            user = User.objects.select_for_update().get(pk=user.pk)
            devices = _devices(user)
            left = [one for one in devices if one.pk != device_id]
            if len(left) == len(devices):
                raise CredentialNotFound(device_id)
            if not left and multifactor.rules_of(user) and not _is_own_wish(devices):
                raise Forbidden(
                    "The operator of this cloud demands a second factor of you. Add another device "
                    "before you remove this one."
                )
            Credential.objects.filter(pk=device_id, user=user).delete()
            if not left:
                _switch_off(user)
                user.save(update_fields=["options"])

    @policy("identity:recovery_codes:create")
    def renew_codes(self, *, password: str, passcode: str) -> Sequence[str]:
        """Draw new recovery codes; the old ones are worth nothing any more.

        Raises Conflict without a device, WrongPassword, WrongPasscode, TooManyRequests.
        """
        user = self._user()
        if not _devices(user):
            raise Conflict("Add a device first.")
        Proof(password, passcode).check(user)
        codes = recovery_codes.draw()
        rows = recovery_codes.rows_of(user.pk, codes)
        with transaction.atomic():
            recovery_codes.replace(user.pk, rows)
        return codes

    @policy("identity:second_factors:reset")
    def reset(self, user_id: str) -> User:
        """Take away a user's devices, codes and the rule, for somebody who lost them all.

        All his tokens and sessions end. Raises UserNotFound.
        """
        with transaction.atomic():
            rows = User.objects.select_for_update()
            user = rows.filter(pk=undashed(user_id)).first()
            if user is None:
                raise UserNotFound(user_id)
            audit.note(target_kind="user", target_name=user.name)
            Credential.objects.filter(user=user, type=passcodes.TYPE).delete()
            _switch_off(user)
            _end_sessions(user)
            user.save(update_fields=["options", "session_stamp"])
            revocations.revoke(user_id=user.pk)
        return user

    def _user(self) -> User:
        """Return the caller; raise UserNotFound."""
        user = User.objects.select_related("domain").filter(pk=self.context.user_id).first()
        if user is None:
            raise UserNotFound(str(self.context.user_id))
        return user


def _devices(user: User) -> list[Credential]:
    rows = Credential.objects.filter(user=user, type=passcodes.TYPE)
    return list(rows.order_by("created_at", "id"))


def _is_own_wish(devices: Sequence[Credential]) -> bool:
    return any(one.extra.get(OWN_WISH) for one in devices)


def _switch_off(user: User) -> None:
    """Ask for the password alone; the caller saves the options."""
    RecoveryCode.objects.filter(user=user).delete()
    user.options = {
        name: value for name, value in user.options.items() if name not in multifactor.SWITCHED_ON
    }


def _end_sessions(user: User) -> None:
    """Let no session go on but one whose page hands it the new stamp; the caller saves it."""
    user.session_stamp = secrets.token_hex(8)


def _uri(user: User, seed: str) -> str:
    """Return what a QR code says to the program on the phone."""
    import pyotp

    name = f"{user.name}@{user.domain.name}"
    return pyotp.TOTP(seed).provisioning_uri(name=name, issuer_name=ISSUER)


def _opened(user: User, sealed: str) -> str:
    if user.source == Source.OIDC:
        raise Forbidden("Your identity provider lets you in; a second factor is set up there.")
    over = Conflict("This took too long or was begun by somebody else. Begin again.")
    try:
        known = json.loads(decrypt(sealed))
    except InvalidToken as error:
        raise over from error
    if known["user"] != user.pk or known["until"] < clock.now().timestamp():
        raise over
    seed: str = known["seed"]
    return seed
