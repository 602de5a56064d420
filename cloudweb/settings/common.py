"""What every process of Cloudweb shares."""

from __future__ import annotations

from cloudweb.conf import ROOT, env, var_dir

BASE_DIR = ROOT
VAR = var_dir()
DEBUG = env.bool("CLOUDWEB_DEBUG", default=False)
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en"
FORMAT_MODULE_PATH = "cloudweb.formats"
USE_I18N = False
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
LOG_LEVEL = env.str("CLOUDWEB_LOG_LEVEL", default="INFO")
LOGGING_CONFIG = "cloudweb.logs.configure"
LOGGING: dict[str, object] = {"level": LOG_LEVEL}

#: The private Redis of this installation, on a Unix socket; other brokers need broker users for
#: hosts, which do not exist yet, so they are refused (cloudweb/rpc.py).
BROKER_SOCKET = VAR / "run" / "redis.sock"
BROKER_URL = env.str("BROKER_URL", default=f"redis+socket://{BROKER_SOCKET}")
