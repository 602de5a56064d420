"""What belongs to others and is used by the caller: whoever shared it cannot take it back meanwhile.

Who takes something back looks at who uses it (``sharing.check_unused``), and who is about to use it is not
among them yet. So both hold it: these together, that one alone (``sharing.alone``).
"""

from __future__ import annotations

from typing import Any, TypeVar, cast

from cloudweb.context import RequestContext
from cloudweb.database.locks import has_row_locks, together_with
from network.manager.standard import Identifier, number
from network.models.standard import Shareable

S = TypeVar("S", bound=Shareable)


def held(context: RequestContext, model: type[S], identifier: Identifier) -> S | None:
    """Return what the caller sees, own or shared, as it stays until the transaction ends; None without it."""
    rows = cast(Any, model).objects.visible_to(context)
    row: S | None = rows.filter(id=number(identifier)).first()
    return row if row is None else still_shared(context, row)


def still_shared(context: RequestContext, row: S) -> S | None:
    """Return a row that the caller was seen to see, held until the transaction ends; None where he does not now."""
    if context.is_admin or row.project_id == context.project_id:
        return row
    together_with(row.id)
    if not has_row_locks():  # nobody came in between
        return row
    found: S | None = cast(Any, type(row)).objects.visible_to(context).filter(id=row.id).first()
    return found
