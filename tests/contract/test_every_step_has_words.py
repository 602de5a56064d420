"""What tenants read of an operation is written for them: no name of a function, nor the mark of none."""

from __future__ import annotations

from dashboard.components.operations import OPERATIONS, STEPS, text_and_icon
from tests.contract.test_every_saga_has_a_drill import sagas_of_the_product


def test_every_step_of_every_saga_says_what_it_does() -> None:
    sagas = sagas_of_the_product().values()
    known = {step.name for saga in sagas for step in saga.steps}
    in_place = {f"{saga.kind}.{step.name}" for saga in sagas for step in saga.steps}
    assert known - STEPS.keys() == set()
    assert STEPS.keys() - known - in_place == set(), "no saga has such a step"


def test_every_operation_has_a_name_and_an_icon() -> None:
    sagas = sagas_of_the_product()
    assert {kind for kind in sagas if text_and_icon(kind)[1] == "activity"} == set()
    assert OPERATIONS.keys() - sagas.keys() == set(), "no saga is of that kind"
