"""What identity costs: a page of users among few and among many, a log-in, the check of a token.

``python -m benchmarks.identity`` works on a database of its own under a temporary directory.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.figures import Figure, heading

FEW, MANY, PAGE = 1_000, 100_000, 1_000
ROUNDS = 15


def milliseconds(work: Callable[[], object], *, rounds: int = ROUNDS) -> float:
    """Return the median time of some work that was done once before."""
    work()
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        times.append((time.perf_counter() - start) * 1000)
    return statistics.median(times)


def figures() -> Iterator[Figure]:
    """Measure in a fresh database."""
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    from identity.bootstrap import bootstrap

    done = bootstrap(admin_password="a password", demo_password="another one")
    text = _log_in(done.admin.project_id)
    yield from _lists(text)
    yield from _log_ins(done.admin.project_id)
    yield from _validation(text)


def _log_in(project_id: str) -> str:
    from cloudweb.context import RequestContext
    from identity.manager import TokenManager
    from identity.manager.scoping import ProjectScope
    from identity.methods import PasswordProof

    proof = PasswordProof(password="a password", name="admin", domain_id="default")
    manager = TokenManager(RequestContext())
    return manager.issue(proofs=[proof], scope=ProjectScope(project_id)).token.signed()


def _lists(text: str) -> Iterator[Figure]:
    from django.test import Client

    from identity.models import User

    client = Client(headers={"X-Auth-Token": text, "Host": "localhost"})

    def page(query: str = "") -> None:
        answer = client.get(f"/identity/v3/users?limit={PAGE}{query}")
        assert len(answer.json()["users"]) >= 1, answer.content[:200]

    made = User.objects.count()
    for total in (FEW, MANY):
        User.objects.bulk_create(
            (
                User(domain_id="default", name=f"user-{number}", password="!")
                for number in range(made, total)
            ),
            batch_size=2_000,
        )
        made = total
        yield Figure(f"{PAGE:,} of {total:,} users listed, p50", milliseconds(page), "ms")
    middle = User.objects.order_by("created_at", "id")[MANY // 2].pk
    later = milliseconds(lambda: page(f"&marker={middle}"))
    yield Figure(f"{PAGE:,} from the middle of {MANY:,}, p50", later, "ms")
    yield Figure(
        "one user of them by name, p50", milliseconds(lambda: page("&name=user-77777")), "ms"
    )


def _log_ins(project_id: str) -> Iterator[Figure]:
    from django.contrib.auth.hashers import check_password

    from identity.models import User

    hashed = User.objects.get(name="admin").password
    yield Figure("token issued by password, p50", milliseconds(lambda: _log_in(project_id)), "ms")
    argon2 = milliseconds(lambda: check_password("a password", hashed))
    yield Figure("of that the password's hash (argon2), p50", argon2, "ms")


def _validation(text: str) -> Iterator[Figure]:
    from identity.tokens import context_of

    def many() -> None:
        for _ in range(100):
            context_of(text, request_id="req-bench", remote_address="")

    yield Figure("a request's token checked, p50", milliseconds(many) * 10, "us")


def main() -> None:
    """Print the figures as they come."""
    with tempfile.TemporaryDirectory(prefix="bench-identity-") as directory:
        os.environ["CLOUDWEB_VAR"] = directory
        os.environ["DATABASE_URL"] = f"sqlite:///{Path(directory) / 'cloud.sqlite3'}"
        os.environ.setdefault("CLOUDWEB_LOG_LEVEL", "WARNING")
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cloudweb.settings.control")
        print(heading(), flush=True)
        for figure in figures():
            print(figure.line(), flush=True)


if __name__ == "__main__":
    main()
