"""Every route of what is one user's own by everybody: credentials, access rules, trusts."""

from __future__ import annotations

from tests.builders.access import OPERATORS
from tests.builders.identity_world import (
    NEW,
    anyone,
    identity_test,
    line,
    secret,
    secret_read,
    world,
)

__all__ = ["world"]
USER = "/users/{user_id}"
PROGRAM = {"application_credential": {"name": NEW}}
TRUST = {
    "trust": {
        "trustor_user_id": "{user_id}",
        "trustee_user_id": "{plain_user_id}",
        "impersonation": False,
        "project_id": "{project_id}",
        "roles": [{"id": "{role_id}"}],
    }
}
LINES = [
    secret_read(f"{USER}/application_credentials"),
    line("POST", f"{USER}/application_credentials", {"owner"}, 201, PROGRAM, refusal=404),
    secret_read(f"{USER}/application_credentials/{{credential_id}}"),
    secret("DELETE", f"{USER}/application_credentials/{{credential_id}}"),
    secret_read(f"{USER}/access_rules"),
    secret_read(f"{USER}/access_rules/{{rule_id}}"),
    secret("DELETE", f"{USER}/access_rules/{{rule_id}}"),
    secret_read(f"{USER}/credentials/OS-EC2"),
    secret("POST", f"{USER}/credentials/OS-EC2", 201, {"tenant_id": "{project_id}"}),
    secret_read(f"{USER}/credentials/OS-EC2/{{access}}"),
    secret("DELETE", f"{USER}/credentials/OS-EC2/{{access}}"),
    # Services act for those who ask them; a signed URL in a stranger's hands becomes no token.
    line("POST", "/ec2tokens", OPERATORS | {"service"}, body={"credentials": "{signed}"}),
    line("POST", "/s3tokens", OPERATORS | {"service"}, body={"credentials": "{signed_text}"}),
    anyone("GET", "/credentials"),
    anyone("POST", "/credentials", 201, {"credential": {"type": "cert", "blob": "x"}}),
    secret_read("/credentials/{secret_id}"),
    secret("PATCH", "/credentials/{secret_id}", 200, {"credential": {"blob": "y"}}),
    secret("DELETE", "/credentials/{secret_id}"),
    anyone("GET", "/OS-TRUST/trusts"),
    line("POST", "/OS-TRUST/trusts", {"owner"}, 201, TRUST),
    secret_read("/OS-TRUST/trusts/{trust_id}"),
    line(
        "DELETE",
        "/OS-TRUST/trusts/{trust_id}",
        OPERATORS | {"owner"},
        204,
        refusal=404,
        others={"system_reader": 403},
    ),
    secret_read("/OS-TRUST/trusts/{trust_id}/roles"),
    secret_read("/OS-TRUST/trusts/{trust_id}/roles/{role_id}"),
]
test_access = identity_test(LINES)
