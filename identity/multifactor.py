"""Which methods together are enough for a user: his options ``multi_factor_auth_*``.

The rules are Keystone's: a list of lists of methods; one list must be shown whole.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from identity.models import User

ENABLED = "multi_factor_auth_enabled"
RULES = "multi_factor_auth_rules"
OF_PROGRAMS = frozenset({"application_credential", "ec2credential", "oauth1"})
PASSWORD_AND_PASSCODE = [["password", "totp"]]
#: The options of a user who gave himself a second factor.
SWITCHED_ON = {ENABLED: True, RULES: PASSWORD_AND_PASSCODE}


def rules_of(user: User) -> Sequence[Sequence[str]]:
    """Return the sets of methods of which one is required; empty where any method will do."""
    if not user.options.get(ENABLED):
        return ()
    return [rule for rule in user.options.get(RULES) or () if rule]


def enough(user: User, methods: Collection[str]) -> bool:
    """Tell whether these methods let the user in.

    A program's own credential or key stands for itself: it was made by a user who had shown enough.
    """
    rules = rules_of(user)
    if not rules or OF_PROGRAMS & set(methods):
        return True
    return any(set(rule) <= set(methods) for rule in rules)
