"""Where Django looks users up: our own table (settings: AUTHENTICATION_BACKENDS)."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.backends import BaseBackend
from django.http import HttpRequest

from identity.authentication import find_user, verify
from identity.models import User
from identity.querysets import active_user


class SqlBackend(BaseBackend):
    """Log in by user name, domain (``default`` unless named) and password."""

    def authenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        domain: str | None = None,
        **credentials: Any,
    ) -> User | None:
        """Return the user; None for a wrong name or password, or someone disabled."""
        if username is None or password is None:
            return None
        user = find_user(name=username, domain_id=domain)
        return user if verify(user, password) else None

    def get_user(self, user_id: Any) -> User | None:
        """Return the user of a session, unless disabled since."""
        return active_user(str(user_id))
