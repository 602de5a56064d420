"""What a drill takes for the same cloud: a change that it missed would be a case that nobody ran."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from django.db import transaction

from operations.testing import cloud
from operations.testing.left import looking
from tests.example.models import Shelf

pytestmark = pytest.mark.django_db(transaction=True)


def test_each_change_shows_in_what_is_left(tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("one")
    point = "claim.after"
    with cloud(tmp_path) as made, looking(made) as look:

        def differs(do: Callable[[], object], then: str = point) -> tuple[bool, bool, bool]:
            before = look(point)
            do()
            after = look(then)
            words = ("to_all", "to_others", "to_itself")
            alike = [getattr(before, word) == getattr(after, word) for word in words]
            return not alike[0], not alike[1], not alike[2]

        def given_up() -> None:
            with transaction.atomic():
                shelve()
                transaction.set_rollback(True)

        def shelve() -> None:
            Shelf.objects.create(name="oak", project_id="p")

        def nothing() -> None:
            pass

        found = {
            "nothing": differs(nothing),
            "a row": differs(shelve),
            "a row that was given up": differs(given_up),
            "a question": differs(Shelf.objects.count),
            "a file": differs(lambda: (tmp_path / "kept").write_text("two")),
            "its rights": differs(lambda: (tmp_path / "kept").chmod(0o400)),
            "a link": differs(lambda: (tmp_path / "link").symlink_to("kept")),
            "a message": differs(lambda: made.broker.send("compute.h1", "compute.play", {})),
            "a message that was taken": differs(made.broker.take),
            "a driver's effect": differs(nothing, "effect.after"),
            "a step's effect": differs(nothing, "local.before_commit"),
        }
    assert found == {
        "nothing": (False, False, False),
        "a row": (True, True, True),
        "a row that was given up": (False, False, True),
        "a question": (False, False, True),
        "a file": (True, True, True),
        "its rights": (True, True, True),
        "a link": (True, True, True),
        "a message": (False, True, True),
        "a message that was taken": (False, True, True),
        "a driver's effect": (True, True, True),
        "a step's effect": (True, True, True),
    }
