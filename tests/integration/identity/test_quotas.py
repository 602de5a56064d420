"""Quotas: limits, and room counted under a lock."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from django.db import connection, transaction
from django.db.transaction import TransactionManagementError

from cloudweb.exceptions import InvalidInput, QuotaExceeded
from identity import quotas
from identity.models import Domain, ProjectQuota
from tests.infrastructure import PATIENCE

pytestmark = pytest.mark.both_databases

DEFAULTS = {"instances": 10, "cores": 20, "widgets": -1}


@pytest.fixture(autouse=True)
def _declared() -> Iterator[None]:
    quotas.declare("testing", DEFAULTS, prefixes=("widgets_",))
    yield
    quotas._defaults.pop("testing")


@pytest.mark.django_db
def test_limits_are_defaults_until_changed() -> None:
    """A change holds for one project and one resource; reset takes it back."""
    assert quotas.limits("p", "testing") == DEFAULTS == quotas.defaults("testing")
    assert quotas.update("p", "testing", {"cores": 3}) == {**DEFAULTS, "cores": 3}
    assert quotas.limits("p", "testing")["cores"] == 3
    assert quotas.limits("q", "testing") == DEFAULTS
    quotas.reset("p", "testing")
    assert quotas.limits("p", "testing") == DEFAULTS


@pytest.mark.django_db
def test_an_operator_changes_the_defaults_of_all() -> None:
    """They hold where a project has no limit of its own, and are counted against."""
    quotas.update("p", "testing", {"cores": 3})
    quotas.update(quotas.EVERY_PROJECT, "testing", {"cores": 7, "instances": 1})
    assert quotas.defaults("testing") == {**DEFAULTS, "cores": 7, "instances": 1}
    assert quotas.limits("p", "testing") == {**DEFAULTS, "cores": 3, "instances": 1}
    assert quotas.limits("q", "testing") == quotas.defaults("testing")
    assert quotas.changed("testing") == {"p": {**DEFAULTS, "cores": 3, "instances": 1}}
    for project in ("p", "q"):
        with transaction.atomic(), pytest.raises(QuotaExceeded):
            quotas.reserve(project, "testing", wanted={"instances": 2}, used=dict)
        with transaction.atomic():
            assert quotas.locked_limits(project, "testing")["instances"] == 1


@pytest.mark.django_db
def test_what_begins_with_a_prefix_can_be_limited_too() -> None:
    """It is unlimited until it is, keeps its limit under another name, and may be forgotten."""
    with transaction.atomic():
        quotas.reserve("p", "testing", wanted={"widgets_red": 5}, used=dict)
    quotas.update("p", "testing", {"widgets_red": 2, "cores": 3})
    with transaction.atomic():
        quotas.rename("testing", {"widgets_red": "widgets_blue"})
    assert quotas.limits("p", "testing") == {**DEFAULTS, "cores": 3, "widgets_blue": 2}
    with transaction.atomic(), pytest.raises(QuotaExceeded, match="widgets_blue"):
        quotas.reserve("p", "testing", wanted={"widgets_blue": 3}, used=dict)
    with transaction.atomic():
        quotas.rename("testing", {"widgets_blue": None})
    assert quotas.limits("p", "testing") == {**DEFAULTS, "cores": 3}


@pytest.mark.django_db
@pytest.mark.parametrize("change", [{"cores": -2}, {"cores": 2**31}, {"ghosts": 1}])
def test_absurd_limits_are_refused(change: dict[str, int]) -> None:
    """Nothing is changed by a request that is wrong in part."""
    with pytest.raises(InvalidInput):
        quotas.update("p", "testing", {"instances": 1, **change})
    assert quotas.limits("p", "testing") == DEFAULTS


@pytest.mark.django_db
def test_last_room_is_given_and_no_more() -> None:
    """What fits exactly is allowed; one more says what was asked, used and allowed."""
    with transaction.atomic():
        quotas.reserve("p", "testing", wanted={"instances": 1}, used=lambda: {"instances": 9})
        with pytest.raises(QuotaExceeded) as refused:
            quotas.reserve("p", "testing", wanted={"instances": 1}, used=lambda: {"instances": 10})
    assert refused.value.message == (
        "Quota exceeded for instances: Requested 1, but already used 10 of 10 instances"
    )


@pytest.mark.django_db
def test_every_resource_over_its_limit_is_named() -> None:
    """The sentence lists them in the order they were asked for."""
    used = {"instances": 10, "cores": 19}
    with transaction.atomic(), pytest.raises(QuotaExceeded) as refused:
        quotas.reserve("p", "testing", wanted={"instances": 1, "cores": 2}, used=lambda: used)
    assert refused.value.message == (
        "Quota exceeded for instances, cores: Requested 1, 2, "
        "but already used 10, 19 of 10, 20 instances, cores"
    )


@pytest.mark.django_db
def test_unlimited_is_not_even_counted() -> None:
    """-1 costs no counting."""

    def count() -> dict[str, int]:
        raise AssertionError("counted")

    with transaction.atomic():
        quotas.reserve("p", "testing", wanted={"widgets": 10**6}, used=count)


@pytest.mark.django_db
def test_lowered_limit_refuses_new_things_alone() -> None:
    """A project over its limit may still ask for nothing."""
    quotas.update("p", "testing", {"instances": 2})
    with transaction.atomic():
        quotas.reserve("p", "testing", wanted={"instances": 0}, used=lambda: {"instances": 5})


@pytest.mark.django_db(transaction=True)
def test_reserving_outside_a_transaction_is_a_mistake() -> None:
    """The lock would be gone before the row is written."""
    with pytest.raises(TransactionManagementError):
        quotas.reserve("p", "testing", wanted={"instances": 1}, used=dict)


@pytest.mark.django_db(transaction=True)
def test_two_creators_never_count_the_same_room() -> None:
    """Of many at once, exactly as many get through as the limit says."""
    quotas.update("p", "testing", {"instances": 3})
    start = threading.Barrier(6)
    outcomes: list[str] = []

    def create(number: int) -> None:
        try:
            start.wait(PATIENCE)
            with transaction.atomic():
                quotas.reserve(
                    "p",
                    "testing",
                    wanted={"instances": 1},
                    used=lambda: {"instances": Domain.objects.count()},
                )
                Domain.objects.create(name=f"stands for an instance {number}")
            outcomes.append("created")
        except QuotaExceeded:
            outcomes.append("refused")
        finally:
            connection.close()

    threads = [threading.Thread(target=create, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert sorted(outcomes) == ["created"] * 3 + ["refused"] * 3
    assert ProjectQuota.objects.filter(project_id="p").count() == 1
