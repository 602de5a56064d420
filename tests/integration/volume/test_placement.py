"""Which pool a volume goes to, and why no other."""

from __future__ import annotations

from typing import Any

import pytest
from django.db.models import Sum

from cloudweb.context import RequestContext
from tests.builders.compute import long_ago
from tests.builders.images import caller
from tests.builders.threads import at_once
from tests.builders.volumes import make_pool, make_volume
from volume import scheduler
from volume.exceptions import NoValidPool
from volume.models import Pool, Volume
from volume.scheduler import PoolRequest

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]
SYSTEM = RequestContext.system()


def claim(volume: Volume, **wanted: Any) -> str:
    request = PoolRequest(**{"size": volume.size, **wanted})
    return scheduler.claim(SYSTEM, volume_id=str(volume.id), request=request).host


def test_a_volume_goes_where_most_room_is_and_gives_it_back() -> None:
    small, large = make_pool("h1", total=10, free=10), make_pool("h2", total=50, free=50)
    volume = make_volume(caller(), size=8)
    assert (claim(volume), claim(volume)) == ("h2", "h2")  # the second time it has one
    large.refresh_from_db()
    assert (large.provisioned, Volume.objects.get().pool) == (8, large)
    for _ in range(2):
        scheduler.release(str(volume.id))
    large.refresh_from_db()
    assert (large.provisioned, Volume.objects.get().pool) == (0, None)
    assert small.provisioned == 0


def test_one_storage_that_several_hosts_reach_is_counted_once() -> None:
    shared = {"total": 10, "free": 10, "storage_id": "a/b"}
    pools = [make_pool(name, **shared) for name in ("h1", "h2")]
    make_pool("h3", total=4, free=4)
    assert claim(make_volume(caller(), size=7)) == "h1"
    assert (
        claim(make_volume(caller(), size=2)) == "h3"
    )  # of the storage 3 are left, whoever is asked
    assert claim(make_volume(caller(), size=3)) in ("h1", "h2")
    with pytest.raises(NoValidPool) as caught:
        claim(make_volume(caller(), size=3))
    assert "3 have too little room left (3 GiB wanted, at most 2 GiB left)" in caught.value.message
    with pytest.raises(NoValidPool):
        scheduler.grow(SYSTEM, volume_id="", pool_id=str(pools[1].id), size=1)


def test_each_filter_says_why() -> None:
    make_pool("h1", backend="off", enabled=False, disabled_reason="repair")
    make_pool("h2", backend="cold", frozen=True)
    make_pool("h3", backend="down", last_seen_at=long_ago())
    make_pool("h4", backend="sick", problem="no directory")
    make_pool("h5", backend="far", zone="z2")
    make_pool("h6", backend="dumb", capabilities=[])
    make_pool("h7", backend="full", free=3.5)
    volume = make_volume(caller(), size=8)
    with pytest.raises(NoValidPool) as caught:
        claim(volume, zone="nova", capabilities=("multiattach",))
    assert caught.value.message == (
        "No valid pool was found. Of 7 pools, 1 is disabled, 1 is frozen, 1 is on a host that is "
        "down, 1 has a problem, 1 is not in the availability zone nova, 1 cannot do multiattach and "
        "1 has too little room left (8 GiB wanted, at most 3 GiB left)."
    )
    for words in ("h1@off#default: is disabled (repair)", "h4@sick#default: has a problem (no dir"):
        assert words in caught.value.detail
    assert "h1@" not in caught.value.message
    with pytest.raises(NoValidPool, match=r"2 are in no zone of its type \(z2, z3\)"):
        claim(volume, zone="nova", zones=("z2", "z3"))
    assert claim(volume, zones=("z2",)) == "h5"


def test_no_pool_at_all() -> None:
    with pytest.raises(NoValidPool, match="This cloud has no pool for volumes yet"):
        claim(make_volume(caller()))


def test_beside_and_apart_from_the_own_project_s_volumes_alone() -> None:
    one, other = make_pool("h1"), make_pool("h2", total=50, free=50)
    mine = make_volume(caller(), pool=one)
    project = mine.project_id
    ids = (str(mine.id),)
    assert claim(make_volume(caller()), apart_from=ids, project_id=project) == "h2"
    assert claim(make_volume(caller()), together_with=ids, project_id=project) == "h1"
    assert claim(make_volume(caller()), apart_from=ids, project_id="another") == "h1"
    assert other.host == "h2"


def test_growing_takes_room_even_of_a_closed_pool_but_not_more_than_there_is() -> None:
    pool = make_pool(total=10, free=10, enabled=False)
    volume = make_volume(caller(), size=2, pool=pool)
    Pool.objects.update(provisioned=2)
    facts = {"volume_id": str(volume.id), "pool_id": str(pool.id)}
    scheduler.grow(SYSTEM, **facts, size=8)
    with pytest.raises(NoValidPool):
        scheduler.grow(SYSTEM, **facts, size=1)
    assert Pool.objects.get().provisioned == 10


def test_promised_more_often_than_there_is_but_not_beyond_what_is_free() -> None:
    make_pool(total=10, free=2, ratio=3.0)
    assert claim(make_volume(caller(), size=6)) == "h1"
    with pytest.raises(NoValidPool, match=r"7 GiB wanted, at most 6 GiB left"):
        claim(make_volume(caller(), size=7))


@pytest.mark.django_db(transaction=True)
def test_those_who_come_at_once_never_get_the_same_room() -> None:
    make_pool(total=10, free=10)
    volumes = [make_volume(caller(), size=3) for _ in range(8)]

    def take(volume: Volume) -> bool:
        try:
            return bool(claim(volume))
        except NoValidPool:
            return False

    got = at_once([lambda volume=volume: take(volume) for volume in volumes])
    assert sorted(got) == [False] * 5 + [True] * 3
    placed = Volume.objects.filter(pool__isnull=False).aggregate(size=Sum("size"))
    assert Pool.objects.get().provisioned == placed["size"] == 9


@pytest.mark.django_db(transaction=True)
def test_one_volume_claimed_and_released_by_many_counts_once() -> None:
    make_pool("h1"), make_pool("h2")
    volume = make_volume(caller(), size=3)
    hosts = at_once([lambda: claim(volume)] * 4)
    held = Volume.objects.select_related("pool").get()
    assert held.pool
    assert set(hosts) == {held.pool.host}
    assert sorted(pool.provisioned for pool in Pool.objects.all()) == [0, 3]
    assert at_once([lambda: scheduler.release(str(volume.id))] * 4) == [None] * 4
    assert [pool.provisioned for pool in Pool.objects.all()] == [0, 0]
