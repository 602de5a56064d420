"""Records as CSV, for a spreadsheet or an archive."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator

from audit.models import Record
from cloudweb.times import micros_z

COLUMNS = (
    "id", "request_id", "origin", "remote_address", "user_id", "user_name", "user_domain_id",
    "project_id", "domain_id", "is_system_scope", "action", "target_kind", "target_id",
    "target_name", "outcome", "code", "status", "reason", "count",
)  # fmt: skip
#: A cell that starts with one of these is a formula to a spreadsheet, and some cells are anybody's.
FORMULA = ("=", "+", "-", "@", "\t", "\r")


class _Line:
    """What a csv.writer writes to: it hands each line on."""

    def write(self, text: str) -> str:
        return text


def csv_lines(rows: Iterable[Record]) -> Iterator[str]:
    """Yield the head, then a line for each record; cells that look like formulas get a quote."""
    writer = csv.writer(_Line())
    yield writer.writerow(("time", *COLUMNS))
    for row in rows:
        cells = ("" if (value := getattr(row, name)) is None else str(value) for name in COLUMNS)
        yield writer.writerow((micros_z(row.created_at), *map(_plain, cells)))


def _plain(cell: str) -> str:
    return f"'{cell}" if cell.startswith(FORMULA) else cell
