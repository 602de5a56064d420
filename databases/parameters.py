"""What tenants may set of the datastores a new cloud brings, by the datastores' own names.

PostgreSQL: the ``pg_settings`` view of version 15 (units as there). MariaDB: the server system variables of
10.11. What the cloud decides itself (files, addresses, replication, archives) is not here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from databases.states import ParameterKind

INTEGER, FLOAT, BOOLEAN, STRING = (
    ParameterKind.INTEGER,
    ParameterKind.FLOAT,
    ParameterKind.BOOLEAN,
    ParameterKind.STRING,
)
INT_MAX = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter, as its row says it."""

    name: str
    kind: ParameterKind
    lowest: int | None = None
    highest: int | None = None
    choices: tuple[str, ...] = ()
    restart_required: bool = False
    description: str = ""


def _number(
    name: str, lowest: int, highest: int, description: str, *, restart: bool = False
) -> Parameter:
    return Parameter(name, INTEGER, lowest, highest, (), restart, description)


def _switch(name: str, description: str, *, restart: bool = False) -> Parameter:
    return Parameter(name, BOOLEAN, restart_required=restart, description=description)


def _choice(name: str, choices: Sequence[str], description: str) -> Parameter:
    return Parameter(name, STRING, choices=tuple(choices), description=description)


def _text(name: str, description: str) -> Parameter:
    return Parameter(name, STRING, description=description)


_LEVELS = (
    "debug5", "debug4", "debug3", "debug2", "debug1", "info", "notice", "warning", "error", "log", "fatal", "panic",
)  # fmt: skip
POSTGRESQL = (
    _number("max_connections", 1, 262143, "Connections at once.", restart=True),
    _number("shared_buffers", 16, 1073741823, "Shared memory, in blocks of 8 KiB.", restart=True),
    _number("max_prepared_transactions", 0, 262143, "Prepared transactions at once.", restart=True),
    _number("max_worker_processes", 0, 262143, "Worker processes at once.", restart=True),
    _number("max_locks_per_transaction", 10, INT_MAX, "Locks of a transaction.", restart=True),
    _number("autovacuum_max_workers", 1, 262143, "Autovacuum workers at once.", restart=True),
    _number("wal_buffers", -1, 262143, "Memory for WAL, in blocks of 8 KiB.", restart=True),
    _switch("track_commit_timestamp", "Keep when each transaction was committed.", restart=True),
    _number("work_mem", 64, INT_MAX, "Memory of a sort or hash, in KiB."),
    _number("maintenance_work_mem", 1024, INT_MAX, "Memory of maintenance, in KiB."),
    _number("autovacuum_work_mem", -1, INT_MAX, "Memory of an autovacuum worker, in KiB."),
    _number("temp_buffers", 100, 1073741823, "Memory for temporary tables, in blocks of 8 KiB."),
    _number("temp_file_limit", -1, INT_MAX, "Temporary files of a process, in KiB; -1: no limit."),
    _number("effective_cache_size", 1, INT_MAX, "Assumed size of caches, in blocks of 8 KiB."),
    _number("effective_io_concurrency", 0, 1000, "Reads of a disk at once."),
    _number("max_parallel_workers", 0, 1024, "Parallel workers at once."),
    _number("max_parallel_workers_per_gather", 0, 1024, "Parallel workers of a query's node."),
    _number("statement_timeout", 0, INT_MAX, "Longest statement, in ms; 0: any."),
    _number("lock_timeout", 0, INT_MAX, "Longest wait for a lock, in ms; 0: any."),
    _number("deadlock_timeout", 1, INT_MAX, "Wait for a lock before deadlocks are looked for, ms."),
    _number("idle_in_transaction_session_timeout", 0, INT_MAX, "Longest idle transaction, in ms."),
    _number("checkpoint_timeout", 30, 86400, "Time between checkpoints, in s."),
    _number("max_wal_size", 2, INT_MAX, "WAL that starts a checkpoint, in MiB."),
    _number("min_wal_size", 2, INT_MAX, "WAL files kept for use again, in MiB."),
    _number("default_statistics_target", 1, 10000, "How much statistics say."),
    _number("log_min_duration_statement", -1, INT_MAX, "Log slower statements, in ms; -1: none."),
    _number("autovacuum_naptime", 1, 2147483, "Time between runs of autovacuum, in s."),
    _number("autovacuum_vacuum_threshold", 0, INT_MAX, "Changed rows before a vacuum."),
    Parameter("random_page_cost", FLOAT, 0, INT_MAX, description="Cost of a page at random."),
    Parameter("seq_page_cost", FLOAT, 0, INT_MAX, description="Cost of the next page."),
    Parameter(
        "checkpoint_completion_target",
        FLOAT,
        0,
        1,
        description="Share of the time a checkpoint takes.",
    ),
    _switch("autovacuum", "Vacuum by itself."),
    _switch("log_connections", "Log each connection."),
    _switch("log_disconnections", "Log the end of each connection."),
    _switch("log_lock_waits", "Log long waits for locks."),
    _switch("log_checkpoints", "Log each checkpoint."),
    _choice("log_statement", ("none", "ddl", "mod", "all"), "Which statements are logged."),
    _choice("log_min_messages", _LEVELS, "Which messages are logged."),
    _choice("client_min_messages", _LEVELS[:9], "Which messages a client gets."),
    _choice(
        "default_transaction_isolation",
        ("serializable", "repeatable read", "read committed", "read uncommitted"),
        "Isolation of new transactions.",
    ),
    _choice("synchronous_commit", ("local", "on", "off"), "What a commit waits for."),
    _choice("bytea_output", ("hex", "escape"), "How bytes are shown."),
    _text("timezone", "Time zone of what is shown."),
    _text("datestyle", "How dates are shown and read."),
    _text("search_path", "Schemas that are looked into."),
)
MARIADB = (
    _number("max_connections", 10, 100000, "Connections at once."),
    _number("max_user_connections", -1, INT_MAX, "Connections of a user at once."),
    _number("max_connect_errors", 1, INT_MAX, "Broken connections before a host is blocked."),
    _number("connect_timeout", 2, 31536000, "Wait for a client's first packet, in s."),
    _number("wait_timeout", 1, 31536000, "Longest idle connection, in s."),
    _number("interactive_timeout", 1, 31536000, "The same, of interactive clients, in s."),
    _number("net_read_timeout", 1, 31536000, "Wait for more of a packet, in s."),
    _number("net_write_timeout", 1, 31536000, "Wait for a packet to be taken, in s."),
    _number("lock_wait_timeout", 0, 31536000, "Longest wait for a table's lock, in s."),
    _number("max_allowed_packet", 1024, 1073741824, "Largest packet, in bytes."),
    _number("innodb_buffer_pool_size", 5242880, 2**43, "InnoDB's memory, in bytes."),
    _number("innodb_log_file_size", 4194304, 2**39, "InnoDB's log, in bytes."),
    _number("innodb_log_buffer_size", 262144, 4294967295, "Log in memory, bytes.", restart=True),
    _number("innodb_open_files", 10, 4294967295, "Tables open at once.", restart=True),
    _number("innodb_lock_wait_timeout", 0, 100000000, "Longest wait for a row, in s."),
    _number("innodb_io_capacity", 100, 4294967295, "Writes a second in the background."),
    _number("innodb_flush_log_at_trx_commit", 0, 3, "How sure a commit is."),
    _number("innodb_read_io_threads", 1, 64, "Threads that read."),
    _number("innodb_write_io_threads", 2, 64, "Threads that write."),
    _number("key_buffer_size", 0, 2**43, "Memory for MyISAM's indexes, in bytes."),
    _number("join_buffer_size", 128, 2**43, "Memory of a join without index, in bytes."),
    _number("sort_buffer_size", 1024, 2**43, "Memory of a sort, in bytes."),
    _number("read_buffer_size", 8192, 2147479552, "Memory of a scan, in bytes."),
    _number("read_rnd_buffer_size", 1, INT_MAX, "Memory of reads in order, in bytes."),
    _number("tmp_table_size", 0, 2**43, "Largest temporary table in memory, in bytes."),
    _number("max_heap_table_size", 16384, 4294966272, "Largest table in memory, in bytes."),
    _number("thread_cache_size", 0, 16384, "Threads kept for use again."),
    _number("table_open_cache", 10, 1048576, "Tables open at once."),
    _number("back_log", 0, 65535, "Connections waiting to be taken.", restart=True),
    _number("group_concat_max_len", 4, 2**43, "Longest group_concat, in bytes."),
    _number("auto_increment_increment", 1, 65535, "Step of automatic numbers."),
    _number("auto_increment_offset", 1, 65535, "First automatic number."),
    _number("expire_logs_days", 0, 99, "Days that binary logs are kept."),
    Parameter("long_query_time", FLOAT, 0, 31536000, description="A slow query's time, in s."),
    _switch("slow_query_log", "Log slow queries."),
    _switch("general_log", "Log everything."),
    _switch("log_queries_not_using_indexes", "Log queries without an index."),
    _switch("autocommit", "Commit each statement."),
    _switch("event_scheduler", "Run events."),
    _switch("innodb_file_per_table", "A file for each table."),
    _switch("performance_schema", "Keep the performance schema.", restart=True),
    _choice("binlog_format", ("MIXED", "STATEMENT", "ROW"), "How changes are logged."),
    _text("character_set_server", "Character set of new databases."),
    _text("collation_server", "Collation of new databases."),
    _text("sql_mode", "How strict statements are taken."),
)
