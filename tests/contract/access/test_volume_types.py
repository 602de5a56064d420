"""Every route of volume types and QoS specs by everybody."""

from __future__ import annotations

from typing import Any

from identity.models import User
from tests.builders.access import EVERY_TOKEN, OPERATORS, Line, access_test, shared_world
from tests.builders.volume_types import make_qos_spec, make_volume_type
from volume.bootstrap import ensure_default_type
from volume.models import DefaultVolumeType, VolumeTypeEncryption

V3 = "/volume/v3"
TYPE = f"{V3}/types/{{type_id}}"
QOS = f"{V3}/qos-specs/{{qos_id}}"
DEFAULT = f"{V3}/default-types/{{project_id}}"
NEWEST = {"OpenStack-API-Version": "volume 3.70"}
ENCRYPTION = {"provider": "luks", "control_location": "front-end"}


def build(owner: User) -> dict[str, Any]:
    """Return the ids of types (public, private, encrypted) and of QoS specs."""
    ensure_default_type()
    row = make_volume_type("t", extra_specs={"multiattach": "<is> True"})
    encrypted = make_volume_type("e")
    encryption = VolumeTypeEncryption.objects.create(volume_type=encrypted, provider="luks")
    DefaultVolumeType.objects.create(
        project_id=str(owner.default_project_id), volume_type=encrypted
    )
    return {
        "type_id": str(row.id),
        "private_id": str(make_volume_type("p", is_public=False).id),
        "encrypted_id": str(encrypted.id),
        "encryption_id": str(encryption.id),
        "qos_id": str(make_qos_spec(k="v").id),
    }


LINES = [
    Line("GET", f"{V3}/types", EVERY_TOKEN),
    Line("POST", f"{V3}/types", OPERATORS, body={"volume_type": {"name": "n"}}),
    Line("GET", f"{V3}/types/default", EVERY_TOKEN),
    Line("GET", TYPE, EVERY_TOKEN),
    Line("PUT", TYPE, OPERATORS, body={"volume_type": {"name": "n"}}),
    Line("DELETE", TYPE, OPERATORS, status=202),
    Line(
        "POST",
        f"{V3}/types/{{private_id}}/action",
        OPERATORS,
        status=202,
        body={"addProjectAccess": {"project": "{project_id}"}},
    ),
    Line("GET", f"{V3}/types/{{private_id}}/os-volume-type-access", OPERATORS),
    Line("GET", f"{TYPE}/extra_specs", EVERY_TOKEN),
    Line("POST", f"{TYPE}/extra_specs", OPERATORS, body={"extra_specs": {"k": "v"}}),
    Line("GET", f"{TYPE}/extra_specs/multiattach", EVERY_TOKEN),
    Line("PUT", f"{TYPE}/extra_specs/multiattach", OPERATORS, body={"multiattach": "v"}),
    Line("DELETE", f"{TYPE}/extra_specs/multiattach", OPERATORS, status=202),
    Line("GET", f"{TYPE}/encryption", OPERATORS),
    Line("POST", f"{TYPE}/encryption", OPERATORS, body={"encryption": ENCRYPTION}),
    Line("GET", f"{V3}/types/{{encrypted_id}}/encryption/cipher", OPERATORS),
    Line(
        "PUT",
        f"{V3}/types/{{encrypted_id}}/encryption/{{encryption_id}}",
        OPERATORS,
        body={"encryption": {"key_size": 256}},
    ),
    Line(
        "DELETE", f"{V3}/types/{{encrypted_id}}/encryption/{{encryption_id}}", OPERATORS, status=202
    ),
    Line("GET", f"{V3}/qos-specs", OPERATORS),
    Line("POST", f"{V3}/qos-specs", OPERATORS, body={"qos_specs": {"name": "n"}}),
    Line("GET", QOS, OPERATORS),
    Line("PUT", QOS, OPERATORS, body={"qos_specs": {"a": "b"}}),
    Line("DELETE", QOS, OPERATORS, status=202),
    Line("PUT", f"{QOS}/delete_keys", OPERATORS, status=202, body={"keys": ["k"]}),
    Line("GET", f"{QOS}/associations", OPERATORS),
    Line("GET", f"{QOS}/associate?vol_type_id={{type_id}}", OPERATORS, status=202, writes=True),
    Line("GET", f"{QOS}/disassociate?vol_type_id={{type_id}}", OPERATORS, status=202, writes=True),
    Line("GET", f"{QOS}/disassociate_all", OPERATORS, status=202, writes=True),
    Line("GET", f"{V3}/default-types", OPERATORS, headers=NEWEST),
    Line("GET", DEFAULT, OPERATORS, headers=NEWEST),
    Line(
        "PUT",
        DEFAULT,
        OPERATORS,
        headers=NEWEST,
        body={"default_type": {"volume_type": "{type_id}"}},
    ),
    Line("DELETE", DEFAULT, OPERATORS, status=204, headers=NEWEST),
]
world = shared_world(build)
test_access = access_test(LINES)
