"""The control plane: API, dashboard, admin, conductor, scheduler, taskmanager."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from cloudweb.conf import env, listen_url
from cloudweb.keeping import kept_secret
from cloudweb.lost_keys import KeysLost, check_files
from cloudweb.settings.common import *  # noqa: F403
from cloudweb.settings.common import BASE_DIR, DEBUG, VAR
from cloudweb.settings.images import image_stores
from cloudweb.settings.passwords import *  # noqa: F403
from cloudweb.settings.security import *  # noqa: F403

try:
    check_files()
except KeysLost as error:
    raise ImproperlyConfigured(str(error)) from error
_given = env.str("SECRET_KEY", default="")
SECRET_KEY_IS_GIVEN = bool(_given)
_keys = [_given] if _given else kept_secret(VAR / "secrets" / "secret_key").split()
#: What is signed with one of these counts still (manage.py rotate_keys --signing).
SECRET_KEY, SECRET_KEY_FALLBACKS = _keys[0], env.list("SECRET_KEY_FALLBACKS", default=_keys[1:])
ROOT_URLCONF = "cloudweb.urls"
WSGI_APPLICATION = "cloudweb.wsgi.application"
#: Beginning of a path -> the coroutine that serves WebSockets there (cloudweb/server/bridge.py).
HELD = "databases.mailbox.letters.waiting"  # for whom polls that are held have news
WEBSOCKETS = {"/consoles/": "instances.api.console_socket.serve"}
AUTH_USER_MODEL = "identity.User"
# Names are unique in their domain; the backend logs in by both.
SILENCED_SYSTEM_CHECKS = ["auth.W004"]
LOGIN_URL = "/login"
LOGIN_REDIRECT_URL = "/"
APPEND_SLASH = False

INSTALLED_APPS = [
    "cloudweb.admin_site.OperatorAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "corsheaders",
    "csp",
    "django_htmx",
    "django_celery_beat",
    "cloudweb",
    "operations",
    "audit",
    "reconciliation",
    "identity",
    "image",
    "network",
    "volume",
    "compute",
    "instances",
    "databases",
    "dashboard",
]

MIDDLEWARE = [
    "cloudweb.api.proxies.ProxyMiddleware",
    "cloudweb.api.middleware.RequestIdMiddleware",
    "cloudweb.api.caching.NoStoreMiddleware",
    "cloudweb.api.compression.PageCompressionMiddleware",
    "cloudweb.api.hosts.HostMiddleware",
    "corsheaders.middleware.CorsMiddleware",
    "cloudweb.api.audit.AuditMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "cloudweb.api.middleware.ServiceMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "csp.middleware.CSPMiddleware",
    "dashboard.middleware.PageMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = Path(env.str("STATIC_ROOT", default=str(VAR / "static")))
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "cloudweb.static_files.HashedFiles"},
}
# Until they are collected (manage.py prepare), files are served straight from where they are.
WHITENOISE_USE_FINDERS = DEBUG or not (STATIC_ROOT / "staticfiles.json").exists()
WHITENOISE_AUTOREFRESH = DEBUG

DATA_UPLOAD_MAX_MEMORY_SIZE = env.int("API_MAX_BODY", default=1_048_576)
PASSWORD_HASHERS = ["identity.hashers.Argon2"]
AUTHENTICATION_BACKENDS = ["identity.backends.SqlBackend"]

CLOUDWEB_FIRST_ANSWERS = "operations.first_answers.KeptAnswers"
CLOUDWEB_TOKEN_CONTEXT = "identity.tokens.context_of"  # noqa: S105
CLOUDWEB_SESSION_CONTEXT = "identity.sessions.context_of"
CLOUDWEB_OPERATOR_CONTEXT = "identity.sessions.operator_context_of"
CLOUDWEB_PASSWORD_FORM = "identity.forms.OwnPasswordForm"  # noqa: S105
#: Keeps what was changed and by whom (cloudweb/audit.py).
CLOUDWEB_AUDIT = "audit.recorder.record"
AUDIT_KEEP_DAYS = env.int("AUDIT_KEEP_DAYS", default=365)
TOKEN_LIFETIME = env.int("TOKEN_LIFETIME", default=14_400)
REGION = env.str("REGION", default="RegionOne")
IMAGE_STORE = env.path("IMAGE_STORE", default=str(VAR / "images"))
IMAGE_STORES = image_stores(Path(str(IMAGE_STORE)))
#: Data that is not an image yet; API and control workers of all machines share it.
IMAGE_STAGING = env.path("IMAGE_STAGING", default=str(VAR / "image-staging"))
#: Copies of images in remote stores, on this machine; 0 bytes: none.
IMAGE_CACHE = env.path("IMAGE_CACHE", default=str(VAR / "image-cache"))
IMAGE_CACHE_SIZE = env.int("IMAGE_CACHE_SIZE", default=0)
if IMAGE_CACHE_SIZE < 0:
    raise ImproperlyConfigured(f"IMAGE_CACHE_SIZE is {IMAGE_CACHE_SIZE}; set bytes, or 0 for none.")
IMAGE_PROPERTY_PROTECTIONS = env.str("IMAGE_PROPERTY_PROTECTIONS", default="")
IMAGE_MAX_SIZE = env.int("IMAGE_MAX_SIZE", default=64 * 1024**3)
#: What image data leaves free on its file systems, for the database and the logs.
IMAGE_DISK_RESERVE = env.int("IMAGE_DISK_RESERVE", default=1024) * 1024**2  # MiB
IMAGE_IMPORT_METHODS = env.list(
    "IMAGE_IMPORT_METHODS", default=["glance-direct", "web-download", "copy-image"]
)
IMAGE_DOWNLOAD_SCHEMES = env.list("IMAGE_DOWNLOAD_SCHEMES", default=["http", "https"])
IMAGE_DOWNLOAD_PORTS = env.list("IMAGE_DOWNLOAD_PORTS", cast=int, default=[80, 443])
IMAGE_DOWNLOAD_HOSTS = env.list("IMAGE_DOWNLOAD_HOSTS", default=[])
IMAGE_DOWNLOAD_DENY_HOSTS = env.list("IMAGE_DOWNLOAD_DENY_HOSTS", default=[])
#: Ranges besides public addresses that downloads may reach.
IMAGE_DOWNLOAD_ALLOW = env.list("IMAGE_DOWNLOAD_ALLOW", default=[])
IMAGE_DOWNLOAD_CA = env.str("IMAGE_DOWNLOAD_CA", default="")
IMAGE_DOWNLOAD_TIMEOUT = env.int("IMAGE_DOWNLOAD_TIMEOUT", default=4 * 3600)
#: A server that sends less, on average over a minute, is given up; 0: any rate will do.
IMAGE_DOWNLOAD_MIN_RATE = env.int("IMAGE_DOWNLOAD_MIN_RATE", default=32) * 1024  # KiB/s
IMAGE_MAX_VIRTUAL_SIZE = env.int("IMAGE_MAX_VIRTUAL_SIZE", default=16 * 1024**4)
#: What imports turn disks into that hosts cannot open: qcow2, raw, or nothing (they stay as they are).
IMAGE_CONVERT_TO = env.str("IMAGE_CONVERT_TO", default="qcow2")
if IMAGE_CONVERT_TO not in ("", "raw", "qcow2"):
    raise ImproperlyConfigured(
        f"IMAGE_CONVERT_TO is {IMAGE_CONVERT_TO!r}; set raw, qcow2 or nothing."
    )
IMAGE_CONVERT_MEMORY = env.int("IMAGE_CONVERT_MEMORY", default=1024) * 1024**2  # MiB
IMAGE_CONVERT_SECONDS = env.int("IMAGE_CONVERT_SECONDS", default=3600)
#: Where this machine reaches its own API: host and port of LISTEN.
LISTEN = listen_url().removeprefix("http://")
#: Tells whether any host could build a server; resolved by name, like BOOTSTRAP.
HOST_IS_UP = "compute.readiness.a_host_is_up"
#: Fills an empty database; resolved by name, for the base library imports no app.
BOOTSTRAP = "databases.bootstrap.bootstrap"

REST_FRAMEWORK: dict[str, Any] = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "cloudweb.api.auth.TokenAuthentication",
        "cloudweb.api.auth.BrowserSession",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["cloudweb.api.auth.HasToken"],
    "DEFAULT_RENDERER_CLASSES": [
        "cloudweb.api.rendering.OrjsonRenderer",
        "cloudweb.api.rendering.BrowserRenderer",
    ],
    "DEFAULT_PARSER_CLASSES": ["cloudweb.api.rendering.OrjsonParser"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "cloudweb.api.rendering.JsonAlways",
    "DEFAULT_SCHEMA_CLASS": "cloudweb.api.schema.ServiceSchema",
    "DEFAULT_THROTTLE_CLASSES": ["cloudweb.api.throttling.Throttle"],
    "EXCEPTION_HANDLER": "cloudweb.api.errors.exception_handler",
    "URL_FORMAT_OVERRIDE": None,
    "UNAUTHENTICATED_USER": None,
}

SPECTACULAR_SETTINGS: dict[str, Any] = {
    "TITLE": "Cloudweb",
    "DESCRIPTION": "A private cloud that speaks the OpenStack API.",
    "VERSION": "0.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SERVE_AUTHENTICATION": [],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SWAGGER_UI_SETTINGS": {
        "deepLinking": True,
        "persistAuthorization": True,
        "filter": True,
        "docExpansion": "none",  # unfolded, its hundreds of calls take a browser ten seconds
        "defaultModelsExpandDepth": 0,
    },
    "OAS_VERSION": "3.1.1",
    "DEFAULT_GENERATOR_CLASS": "cloudweb.api.schema.Generator",
    "SCHEMA_PATH_PREFIX": "",
    "COMPONENT_SPLIT_PATCH": False,
    "POSTPROCESSING_HOOKS": [],  # the models' own enumerations stay where they are
    "TAGS": [
        {"name": "identity", "description": "Who there is, and where what answers."},
        {"name": "compute", "description": "Servers and what they run on."},
        {"name": "network", "description": "Networks, ports, security groups."},
        {"name": "image", "description": "What servers boot from."},
        {"name": "volume", "description": "Disks that outlive their servers."},
        {"name": "database", "description": "Databases that the cloud runs."},
    ],
}


#: How long PostgreSQL lets a transaction stand idle, and with it what it has locked.
IDLE_SECONDS = 30


def database(url_default: str) -> dict[str, Any]:
    """Return Django's settings for DATABASE_URL, tuned for each engine."""
    config: dict[str, Any] = env.db("DATABASE_URL", default=url_default)
    if "sqlite" in config["ENGINE"]:
        config["ENGINE"] = "cloudweb.database.sqlite"
        config["OPTIONS"] = {
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL;",
        }
    elif "postgresql" in config["ENGINE"]:  # a worker that was stopped in a transaction loses it
        options = config.setdefault("OPTIONS", {})
        options.setdefault("options", f"-c idle_in_transaction_session_timeout={IDLE_SECONDS}s")
    config["CONN_MAX_AGE"] = 600
    config["CONN_HEALTH_CHECKS"] = True
    return config


STATIC_ROOT.mkdir(parents=True, exist_ok=True)  # WhiteNoise looks for it
DATABASES = {"default": database(f"sqlite:///{VAR / 'cloudweb.sqlite3'}")}
