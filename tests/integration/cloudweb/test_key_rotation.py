"""New keys: nothing is lost, wherever it stops, and every process knows at once."""

from __future__ import annotations

import os
import re
import sys
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet, InvalidToken
from django.apps import apps
from django.core.management import CommandError, call_command

from cloudweb import encryption, process, rotation
from cloudweb.encryption import decrypt, encrypt
from identity.models import Credential
from identity.tokens import Token
from operations.models import HostCredential
from tests.builders.identity import make_member, make_token, make_user

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]
ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory of its own for the keys."""
    monkeypatch.setenv("CLOUDWEB_VAR", str(tmp_path))
    return tmp_path


def rotate(*words: str) -> str:
    said = StringIO()
    call_command("rotate_keys", *words, stdout=said, stderr=said)
    return said.getvalue()


def opens(key: str, row: Any) -> bool:
    row.refresh_from_db()
    try:
        Fernet(key).decrypt(row.encrypted_blob.encode())
    except InvalidToken:
        return False
    return True


def test_a_rotation_from_end_to_end() -> None:
    user = make_user()
    blobs = [f"secret {number}" for number in range(450)]  # more than two batches
    Credential.objects.bulk_create(
        Credential(user=user, type="x", encrypted_blob=encrypt(blob)) for blob in blobs
    )
    HostCredential.objects.create(host="h1", key=encrypt("host"))
    (old,) = encryption.keys()
    assert "451 values" in rotate()
    new, *others = encryption.keys()
    assert others == [old]
    assert all(opens(new, row) for row in Credential.objects.all())
    assert "0 values" in rotate(), "the second time there is nothing left to do, and no third key"
    assert encryption.keys() == [new, old]
    with pytest.raises(CommandError, match="60"):
        rotate("--forget")
    assert "1 key(s) forgotten" in rotate("--forget", "--at-once")
    assert encryption.keys() == [new]
    found = [decrypt(row.encrypted_blob) for row in Credential.objects.all()]
    assert sorted(found) == sorted(blobs)
    assert decrypt(HostCredential.objects.get().key) == "host"
    assert (encryption.key_file().stat().st_mode & 0o777) == 0o600


def test_an_old_enough_key_is_forgotten_without_force() -> None:
    encrypt("x")
    rotate()
    then = encryption.key_file().stat().st_mtime - rotation.STILL_WRITTEN
    os.utime(encryption.key_file(), (then, then))
    assert "1 key(s) forgotten" in rotate("--forget")


def test_an_interruption_is_made_good(monkeypatch: pytest.MonkeyPatch) -> None:
    """It stops in the middle of the rows; the repetition goes on with the same key."""
    user = make_user()
    rows = [
        Credential.objects.create(user=user, type="x", encrypted_blob=encrypt(str(number)))
        for number in range(4)
    ]
    real, calls = encryption.renewed, iter(range(4))

    def stopping(token: str) -> str | None:
        if next(calls) == 2:
            raise KeyboardInterrupt
        return real(token)

    with monkeypatch.context() as patched:
        patched.setattr(encryption, "renewed", stopping)
        with pytest.raises(KeyboardInterrupt):
            rotate()
    new, _ = encryption.keys()
    assert [opens(new, row) for row in rows].count(True) == 2
    assert sorted(decrypt(row.encrypted_blob) for row in rows) == ["0", "1", "2", "3"]
    assert "2 values" in rotate()
    assert all(opens(new, row) for row in rows)


def test_what_is_written_meanwhile_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    row = Credential.objects.create(user=make_user(), type="x", encrypted_blob=encrypt("before"))
    real = encryption.renewed

    def overtaken(token: str) -> str | None:
        fresh = real(token)
        Credential.objects.filter(pk=row.pk).update(encrypted_blob=encrypt("after"))
        return fresh

    monkeypatch.setattr(encryption, "renewed", overtaken)
    assert "0 values" in rotate()
    row.refresh_from_db()
    assert decrypt(row.encrypted_blob) == "after"


def test_what_no_key_opens_is_named_and_stays() -> None:
    foreign = Fernet(Fernet.generate_key()).encrypt(b"x").decode()
    row = Credential.objects.create(user=make_user(), type="x", encrypted_blob=foreign)
    assert f"identity.Credential {row.pk} encrypted_blob" in rotate()
    row.refresh_from_db()
    assert row.encrypted_blob == foreign


def test_another_process_notices_at_once() -> None:
    """It rotates and forgets; this one reads and writes on."""
    kept = encrypt("before")
    said = process.run(
        sys.executable, "-c",
        "from cloudweb import encryption, rotation; rotation.add_key(); "
        "print(encryption.encrypt('theirs'))",
        cwd=ROOT,
    ).text  # fmt: skip
    assert len(encryption.keys()) == 2
    assert (decrypt(kept), decrypt(said.strip())) == ("before", "theirs")
    assert Fernet(encryption.keys()[0]).decrypt(encrypt("mine").encode()) == b"mine"


def test_every_encrypted_column_is_declared() -> None:
    """By its name, or because its app encrypts anything at all."""
    declared = {(model._meta.app_label, name) for model, name in rotation.encrypted_columns()}
    for model in apps.get_models():
        for field in model._meta.get_fields():
            if field.name.startswith("encrypted_"):
                assert (model._meta.app_label, field.name) in declared
    for model, name in rotation.encrypted_columns():
        assert model._meta.get_field(name).get_internal_type() == "TextField"
    #: What they encrypt stands in sessions, which end by themselves.
    passing = {"dashboard"}
    for config in apps.get_app_configs():
        if Path(config.path).parent == ROOT and config.label not in {"cloudweb", *passing}:
            text = "".join(path.read_text() for path in Path(config.path).rglob("*.py"))
            encrypts = re.search(r"import .*\bencrypt\b", text) is not None
            assert encrypts == (config.label in {label for label, _ in declared}), config.label


# SECRET_KEY


def test_tokens_survive_a_new_signing_key(settings: Any, home: Path) -> None:
    text = make_token(make_member()).signed()
    before, settings.SECRET_KEY = settings.SECRET_KEY, "another key"
    settings.SECRET_KEY_FALLBACKS = [before]
    assert Token.read(text)
    settings.SECRET_KEY_FALLBACKS = []
    with pytest.raises(Exception, match="authentication"):
        Token.read(text)


def test_the_file_of_signing_keys(settings: Any, home: Path) -> None:
    file = home / "secrets" / "secret_key"
    environment = {"DJANGO_SETTINGS_MODULE": "cloudweb.settings.control", "SECRET_KEY": ""}
    show = "from django.conf import settings as s; print([s.SECRET_KEY, *s.SECRET_KEY_FALLBACKS])"

    def shown() -> str:
        return process.run(sys.executable, "-c", show, env=environment, cwd=ROOT).text.strip()

    assert "Restart" in rotate("--signing")
    assert "Restart" in rotate("--signing")
    lines = file.read_text().split()
    assert (len(set(lines)), shown()) == (3, repr(lines))
    assert "2 key(s)" in rotate("--signing", "--forget")
    assert shown() == repr(lines[:1])
    settings.SECRET_KEY_IS_GIVEN = True
    with pytest.raises(CommandError, match="SECRET_KEY_FALLBACKS"):
        rotate("--signing")
