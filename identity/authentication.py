"""Who is it: user name and password, at the same cost whether the user exists or not."""

from __future__ import annotations

from collections.abc import Callable

import structlog
from django.contrib.auth.hashers import check_password, make_password

from identity import attempts, lockout, passwords
from identity.directories import login
from identity.directories.conf import directories
from identity.ids import undashed
from identity.models import DEFAULT_DOMAIN_ID, Domain, User

log = structlog.get_logger(__name__)
LONGEST_PASSWORD = 4096


def verify(user: User | None, password: str) -> bool:
    """Tell whether the password is this user's; hash once in any case.

    Never call it inside a transaction: a hash takes tens of milliseconds.
    """
    if len(password) > LONGEST_PASSWORD:
        return False
    if user is None or not user.has_usable_password():
        make_password(password)
        return False

    def rehash(raw: str) -> None:
        """Keep the right password as it would be hashed today; whoever changed it meanwhile wins."""
        hashed, before = make_password(raw), user.password
        if User.objects.filter(pk=user.pk, password=before).update(password=hashed):
            user.password = hashed

    return check_password(password, user.password, setter=rehash) and user.is_active


def proves(user: User | None, password: str) -> bool:
    """Tell whether the password lets this user in now; a wrong one is counted (identity.lockout)."""
    return lockout.admits(user, right=verify(user, password))


def check_secret(
    secret: str, hashed: str | None, *, rehash: Callable[[str], object] | None = None
) -> bool:
    """Tell whether a program's secret fits its hash; hash once in any case.

    ``rehash`` is called with a right secret whose hash is not made as it would be today.
    """
    if len(secret) > LONGEST_PASSWORD:
        return False
    if hashed is None:
        make_password(secret)
        return False
    return check_password(secret, hashed, setter=rehash)


def find_user(
    *,
    user_id: str | None = None,
    name: str = "",
    domain_id: str | None = None,
    domain_name: str | None = None,
) -> User | None:
    """Return the user a log-in names, by id or by name and domain; None if there is none."""
    rows = User.objects.select_related("domain")
    if user_id is not None:
        return rows.filter(pk=undashed(user_id)).first()
    rows = rows.filter(name=name)
    if domain_id is None and domain_name is not None:
        return rows.filter(domain__name__iexact=domain_name).first()
    return rows.filter(domain_id=domain_id or DEFAULT_DOMAIN_ID).first()


def log_in(
    *,
    password: str,
    user_id: str | None = None,
    name: str = "",
    domain_id: str | None = None,
    domain_name: str | None = None,
) -> User | None:
    """Return the user whose password this is, asking whoever keeps it; None if it is nobody's.

    Raises TooManyRequests, PasswordExpired for a right one that must be changed first, DirectoryUnavailable where an
    LDAP server keeps it and is away. What a directory keeps is neither counted nor does it expire.
    """
    user = find_user(user_id=user_id, name=name, domain_id=domain_id, domain_name=domain_name)
    said = attempts.named(user_id=user_id, name=name, domain=domain_id or domain_name)
    attempts.count(user, claimed=said)
    if directories():
        domain = user.domain if user else _domain(domain_id, domain_name)
        directory = login.directory_behind(domain, user)
        if directory is not None and domain is not None and len(password) <= LONGEST_PASSWORD:
            known = user if user_id is not None else None
            return login.log_in(directory, domain, user=known, name=name, password=password)
    if not proves(user, password) or user is None:
        return None
    passwords.refuse_expired(user)
    return user


def _domain(domain_id: str | None, domain_name: str | None) -> Domain | None:
    if domain_id is None and domain_name is not None:
        return Domain.objects.filter(name__iexact=domain_name).first()
    return Domain.objects.filter(pk=domain_id or DEFAULT_DOMAIN_ID).first()
