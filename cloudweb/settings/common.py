"""What every process of Cloudweb shares."""

from __future__ import annotations

from cloudweb.conf import ROOT, broker_socket, broker_url, env, log_level, var_dir

BASE_DIR = ROOT
VAR = var_dir()
DEBUG = env.bool("CLOUDWEB_DEBUG", default=False)
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en"
FORMAT_MODULE_PATH = "cloudweb.formats"
USE_I18N = False
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
LOG_LEVEL = log_level()
LOGGING_CONFIG = "cloudweb.logs.configure"
LOGGING: dict[str, object] = {"level": LOG_LEVEL}

#: The private Redis of this installation, on a Unix socket; other brokers need broker users for
#: hosts, which do not exist yet, so they are refused (cloudweb/rpc.py).
BROKER_SOCKET = broker_socket()
BROKER_URL = broker_url()
