"""The rule of what a user gives to the first boot of a server."""

from __future__ import annotations

import base64
import binascii

from cloudweb.exceptions import InvalidInput
from instances.conf import USER_DATA_LIMIT


def check_user_data(user_data: str | None) -> None:
    """Raise InvalidInput for what is too long, or no base64."""
    if user_data is None:
        return
    if len(user_data) > USER_DATA_LIMIT:
        raise InvalidInput(
            field="user_data", value=None, reason=f"It is longer than {USER_DATA_LIMIT} bytes."
        )
    try:
        base64.b64decode(user_data, validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidInput(field="user_data", value=None, reason="It must be base64.") from error
