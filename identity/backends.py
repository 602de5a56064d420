"""Where Django looks users up (settings: AUTHENTICATION_BACKENDS): our table, and LDAP behind it."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.backends import BaseBackend
from django.http import HttpRequest

from identity.authentication import log_in
from identity.models import User
from identity.multifactor import enough
from identity.querysets import active_user


class SqlBackend(BaseBackend):
    """Log in by user name, domain (by id or name; ``default`` unless named) and password."""

    def authenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        domain: str | None = None,
        domain_name: str | None = None,
        first_step: bool = False,
        **credentials: Any,
    ) -> User | None:
        """Return the user; None for a wrong name or password, or someone disabled.

        None, too, for somebody of whom more than a password is asked, unless this is but the
        ``first_step`` and the caller asks for the rest. Raises DirectoryUnavailable.
        """
        if username is None or password is None:
            return None
        user = log_in(password=password, name=username, domain_id=domain, domain_name=domain_name)
        if user is None or not user.is_active:
            return None
        return user if first_step or enough(user, ["password"]) else None

    def get_user(self, user_id: Any) -> User | None:
        """Return the user of a session, unless disabled since."""
        return active_user(str(user_id))
