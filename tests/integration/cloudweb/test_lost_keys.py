"""Where the keys are lost and the database is not, nothing is written and the reason is said."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from cloudweb import preparation, process
from cloudweb.encryption import encrypt, key_file
from cloudweb.preparation import encrypted
from identity.models import Credential
from tests.builders.identity import make_user
from tests.infrastructure import ROOT

pytestmark = pytest.mark.both_databases


@pytest.mark.django_db
def test_encrypted_rows_without_their_key(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    done: list[str] = []
    monkeypatch.setattr(preparation, "collect", lambda: done.append("collect"))
    monkeypatch.setattr(preparation, "migrate", lambda **_: done.append("migrate"))

    def fill(**_: object) -> list[object]:
        done.append("fill")
        return []

    monkeypatch.setattr(preparation, "load_class", lambda _: fill)
    monkeypatch.setattr(preparation, "banner", lambda _: "")
    sealed = encrypt("seed")
    monkeypatch.setenv("CLOUDWEB_VAR", str(tmp_path))
    preparation.prepare(say=print)  # nothing is encrypted: a new cloud
    assert done == ["collect", "migrate", "fill"]
    Credential.objects.create(user=make_user(), type="totp", encrypted_blob=sealed)
    with pytest.raises(preparation.CannotPrepare, match="fernet is missing"):
        preparation.prepare(say=print)
    assert done == ["collect", "migrate", "fill"]
    assert not key_file().exists()
    monkeypatch.setenv("NEW_KEYS", "yes")
    preparation.prepare(say=print)


def test_no_command_draws_a_new_key_in_passing(tmp_path: Path) -> None:
    database = tmp_path / "cloudweb.sqlite3"
    database.write_bytes(b"SQLite")
    environment = {
        "CLOUDWEB_VAR": str(tmp_path),
        "DATABASE_URL": f"sqlite:///{database}",
        "SECRET_KEY": "",
    }
    code = "import cloudweb.settings.control"
    done = process.run(sys.executable, "-c", code, check=False, cwd=ROOT, env=environment)
    assert done.returncode == 1
    assert b"secret_key is missing" in done.stderr
    assert not (tmp_path / "secrets").exists()


def test_a_look_at_a_new_cloud_makes_no_database(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CLOUDWEB_VAR", str(tmp_path))
    monkeypatch.setattr("cloudweb.preparation.encrypted.sqlite_file", lambda: tmp_path / "new")
    encrypted.check()  # would need a database
    assert list(tmp_path.iterdir()) == []
