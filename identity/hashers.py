"""How passwords are hashed: argon2id with the memory of a small machine in mind."""

from __future__ import annotations

from django.contrib.auth.hashers import Argon2PasswordHasher


class Argon2(Argon2PasswordHasher):
    """OWASP's second choice, 19 MiB and two passes.

    Every ``openstack`` command logs in, several at once: Django's default takes 100 MiB and eight
    threads for each, more than the whole control plane may use.
    """

    time_cost = 2
    memory_cost = 19_456
    parallelism = 1
