"""What depends on the database runs on both.

It depends where SQLite and PostgreSQL may answer differently: locks and races, transactions and what is
left after an error in one, JSON look-ups, the order of NULLs, text and number that a column refuses,
raw SQL, annotations and subqueries, migrations, how many statements something costs. A rule that
Python alone decides, a file, a process or a protocol is shown on SQLite alone. A module says it for
all its tests: ``pytestmark = pytest.mark.both_databases``.
"""

from __future__ import annotations

import itertools
from pathlib import Path

from _pytest.mark.expression import Expression

from tests.infrastructure import ROOT
from tests.parts import marks_of
from tests.run import STAGES

PARTS = [part for stage in STAGES for lane in stage for part in lane]
#: Modules beside managers and querysets that need no second database, and why.
SQLITE_ALONE = {
    "instances/test_two_versions.py": "what crosses the broker",
    "cloudweb/test_durability.py": "SQLite's way to the disk",
    "cloudweb/test_forerunners.py": "processes",
    "cloudweb/test_forkserver.py": "processes",
    "cloudweb/test_infrastructure.py": "asks for a PostgreSQL itself",
    "cloudweb/test_port.py": "sockets",
    "cloudweb/test_preparation.py": "the copy of SQLite's file",
    "cloudweb/test_throttle.py": "Redis",
    "cloudweb/test_writers_queue.py": "SQLite's queue",
    "compute/test_flavors_api.py": "bodies and pages; their lists are in test_lists_cost_the_same",
    "cloudweb/test_image_cache.py": "a host's files",
    "compute/test_consoles.py": "sockets",
    "compute/test_entries.py": "daemons",
    "compute/test_tunnels.py": "sockets",
    "compute/test_power_controls.py": "controllers and their protocols",
    "identity/test_directory_client.py": "LDAP",
    "identity/test_revocation_across_api_processes.py": "two processes on one table of revocations, "
    "by each way to it; test_revocation_across_processes and test_revocation_paths show both",
    "image/test_conversion.py": "disk formats",
    "image/test_download.py": "HTTP",
    "image/test_import_kills.py": "data on disk; how operations outlive a kill is in "
    "instances/test_kills",
    "network/test_router_failover_processes.py": "processes; the rules are in test_router_failover",
    "databases/test_user_data.py": "a shell script against a server of the test",
    "network/test_metadata_proxy.py": "sockets",
    "network/test_ovn_writer.py": "OVN's own database",
    "network/test_ovn_tls.py": "OVN's own database",
    "volume/test_encrypted_files.py": "files and daemons",
    "operations/test_what_a_death_leaves.py": "drills are held on SQLite; elsewhere no two deaths are alike",
    "volume/test_backup_of_files.py": "files and daemons",
    "volume/test_file_driver.py": "files and daemons",
    "volume/test_file_kills.py": "files and daemons",
    "volume/test_shared_directory.py": "files",
    "volume/test_keys_of_hosts.py": "hosts without a database; one plain query",
    "volume/test_lvm.py": "LVM and daemons",
}


def test_each_module_of_managers_and_querysets_says_where_it_runs() -> None:
    home = ROOT / "tests" / "integration"
    silent = {
        str(path.relative_to(home))
        for path in home.rglob("test_*.py")
        if "pytest.mark.both_databases" not in path.read_text()
    }
    assert silent == SQLITE_ALONE.keys()


def test_every_test_is_in_a_part_and_in_one_alone_but_for_what_runs_on_both() -> None:
    words = ("host", "browser", "openstack", "postgresql", "operations", "both_databases")
    wrong = {}
    for marks in itertools.chain.from_iterable(
        itertools.combinations(words, n) for n in range(len(words) + 1)
    ):
        taken = [part.title for part in PARTS if _takes(part.marks, marks)]
        alone = set(marks) & {"host", "browser", "openstack", "postgresql"}
        if len(taken) != (2 if "both_databases" in marks and not alone else 1):
            wrong[marks] = taken
    assert wrong == {}


def _takes(expression: str, marks: tuple[str, ...]) -> bool:
    return Expression.compile(expression).evaluate(lambda name, **_: name in marks)


def test_each_part_looks_where_its_marks_are() -> None:
    """Marks that a part asks for are found in the files that it collects."""
    for part in PARTS:
        for path in part.paths:
            assert Path(ROOT, path).exists()
    missed = {}
    for word in ("both_databases", "openstack", "host", "browser", "operations"):
        taking = [part for part in PARTS if _takes(part.marks, (word,)) and part.paths]
        for path in sorted((ROOT / "tests").rglob("test_*.py")):
            name = str(path.relative_to(ROOT))
            marked = f"pytest.mark.{word}" in path.read_text() or word in marks_of(Path(name))
            for part in taking if marked and "test_both_databases" not in name else ():
                if not any(name.startswith(one) for one in part.paths):
                    missed[name] = part.title
    assert missed == {}
