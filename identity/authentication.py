"""Who is it: user name and password, at the same cost whether the user exists or not."""

from __future__ import annotations

import structlog
from django.contrib.auth.hashers import check_password, make_password

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
    return check_password(password, user.password) and user.is_active


def check_secret(secret: str, hashed: str | None) -> bool:
    """Tell whether a program's secret fits its hash; hash once in any case."""
    if len(secret) > LONGEST_PASSWORD:
        return False
    if hashed is None:
        make_password(secret)
        return False
    return check_password(secret, hashed)


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
        return rows.filter(domain__name=domain_name).first()
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

    He may be disabled. Raises DirectoryUnavailable where an LDAP server keeps it and is away.
    """
    user = find_user(user_id=user_id, name=name, domain_id=domain_id, domain_name=domain_name)
    if directories():
        domain = user.domain if user else _domain(domain_id, domain_name)
        directory = login.directory_behind(domain, user)
        if directory is not None and domain is not None and len(password) <= LONGEST_PASSWORD:
            known = user if user_id is not None else None
            return login.log_in(directory, domain, user=known, name=name, password=password)
    return user if verify(user, password) else None


def _domain(domain_id: str | None, domain_name: str | None) -> Domain | None:
    if domain_id is None and domain_name is not None:
        return Domain.objects.filter(name=domain_name).first()
    return Domain.objects.filter(pk=domain_id or DEFAULT_DOMAIN_ID).first()
