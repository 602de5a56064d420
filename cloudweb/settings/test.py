"""The suite: everything under a scratch directory, cheap password hashes, short intervals."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path

_scratch = os.environ.get("CLOUDWEB_VAR")
if not _scratch:  # workers of the suite inherit the one its first process made
    _scratch = tempfile.mkdtemp(prefix="cloudweb-test-")
    atexit.register(shutil.rmtree, _scratch, ignore_errors=True)
    os.environ["CLOUDWEB_VAR"] = _scratch
os.environ.setdefault("CLOUDWEB_TIME_SCALE", "0.05")

from cloudweb.database.sqlite.durability import commit_progress_alone  # noqa: E402
from cloudweb.settings.control import *  # noqa: E402, F403
from cloudweb.settings.control import INSTALLED_APPS as PRODUCT  # noqa: E402
from cloudweb.settings.control import database  # noqa: E402

INSTALLED_APPS = [*PRODUCT, "tests.example"]  # so that every promise to new apps is held to one
ROOT_URLCONF = "tests.example.urls"

SECRET_KEY = "a key for tests"  # noqa: S105
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
DATABASES = {"default": database(f"sqlite:///{Path(_scratch) / 'test.sqlite3'}")}
DATABASES["default"]["TEST"] = {}
if "sqlite" in DATABASES["default"]["ENGINE"]:
    DATABASES["default"]["TEST"]["NAME"] = str(Path(_scratch) / "test_cloudweb.sqlite3")
DATABASES["default"]["CONN_MAX_AGE"] = 0
commit_progress_alone()  # no machine of the suite loses power
ALLOWED_HOSTS = ["*"]
HOSTS_BY_ADDRESS = False
THROTTLES = {}
WHITENOISE_USE_FINDERS = True
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
