"""Those who wait for guests are few, so that the others have threads."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from cloudweb.exceptions import ServiceUnavailable
from databases.asking import Waiting


def test_a_project_has_its_share_and_all_have_theirs() -> None:
    waiting = Waiting(each=2, most=3)
    with ExitStack() as held:
        held.enter_context(waiting.one_more("a"))
        held.enter_context(waiting.one_more("a"))
        with pytest.raises(ServiceUnavailable), waiting.one_more("a"):
            pass
        held.enter_context(waiting.one_more("b"))
        with pytest.raises(ServiceUnavailable), waiting.one_more("c"):
            pass
    for project in "abc":
        with waiting.one_more(project):
            pass
