"""A revocation holds in every API process at once."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from django.db import connection

from cloudweb import process
from cloudweb.context import RequestContext
from cloudweb.exceptions import Unauthorized
from identity.manager import UserManager
from identity.models import User
from identity.tokens import valid
from tests.builders.identity import make_member, make_token

pytestmark = pytest.mark.both_databases

ROOT = Path(__file__).resolve().parents[3]
REVOKE = """
import django, os
django.setup()
from django.conf import settings
from django.db import connections
connections["default"].settings_dict["NAME"] = os.environ["TEST_DATABASE"]
from cloudweb.context import RequestContext
from identity.manager import UserManager
UserManager(RequestContext.system()).update(os.environ["TEST_USER"], enabled=False)
"""


@pytest.mark.django_db(transaction=True)
def test_another_process_revokes() -> None:
    """What another process committed is seen by this one's next request."""
    user = make_member()
    text = make_token(user).signed()
    assert valid(text)
    environment = {
        "DJANGO_SETTINGS_MODULE": "cloudweb.settings.test",
        "TEST_DATABASE": str(connection.settings_dict["NAME"]),
        "TEST_USER": user.pk,
    }
    process.run(sys.executable, "-c", REVOKE, env=environment, cwd=ROOT, timeout=60)
    with pytest.raises(Unauthorized):
        valid(text)
    assert not User.objects.get(pk=user.pk).enabled
    UserManager(RequestContext.system()).update(user.pk, enabled=True)
    assert valid(make_token(user).signed())
