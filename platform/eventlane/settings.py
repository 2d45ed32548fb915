"""Django's settings. Everything a user can set is a row in eventlane/configuration.py."""

import base64
import re
import secrets
import socket
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from eventlane import environment
from eventlane.api.spectacular import SPECTACULAR_SETTINGS  # noqa: F401  (the head of /v0/openapi.json)
from eventlane.configuration import ROOT, InvalidSetting, words
from eventlane.embedded_postgres import database_url, was_started
from eventlane.environment import *  # noqa: F403  (every row of the table; those that need more follow)
from eventlane.public_url import https_settings
from eventlane.unfold import UNFOLD  # noqa: F401  (the looks of the console)

EVENTLANE_HOME = environment.EVENTLANE_HOME
EVENTLANE_IN_USE: bool = bool(environment.DATABASE_URL) or was_started(EVENTLANE_HOME)
EVENTLANE_LAKE_PATH = environment.EVENTLANE_LAKE_PATH or str(EVENTLANE_HOME / "lake")
EVENTLANE_PUBLIC_URL = environment.EVENTLANE_PUBLIC_URL or f"http://{environment.EVENTLANE_BIND}"


def _kept(name: str, text: str) -> str:
    """Return the text of EVENTLANE_HOME/`name`. On first use, write `text` there, readable only by its owner.

    A home without a database is left as it is: nobody would use what a command writes there.
    """
    file = EVENTLANE_HOME / name
    if not file.exists():
        if not EVENTLANE_IN_USE:
            return text
        EVENTLANE_HOME.mkdir(parents=True, exist_ok=True)
        draft = file.with_name(f"{name}.{secrets.token_hex(8)}")
        draft.touch(mode=0o600)
        draft.write_text(text)
        try:
            file.hardlink_to(draft)  # unlike rename, never replaces what another process has just created
        except FileExistsError:
            pass
        draft.unlink()
    return file.read_text()


def _encryption_keys(given: list[str]) -> list[str]:
    """Return the keys of the environment, or of the file with one key per line. Errors never show a key."""
    keys, place = given, "EVENTLANE_ENCRYPTION_KEYS"
    if not given:
        new = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
        keys, place = words(",".join(_kept("encryption_key", new).splitlines())), f"{EVENTLANE_HOME}/encryption_key"
    for number, key in enumerate(keys, start=1):
        if not re.fullmatch(r"[\w-]{43}=", key, re.ASCII):
            raise InvalidSetting(f"{place}: key {number} is not 32 bytes in URL-safe base64, as Fernet requires")
    if not keys:
        raise InvalidSetting(f"{place} is empty: restore it from a backup, or delete it to give up every secret")
    return keys


def _database(url: str) -> dict[str, object]:
    """Convert a PostgreSQL URL to an entry of Django's DATABASES; a socket folder is in `?host=`."""
    parts = urlsplit(url)
    options: dict[str, object] = dict(parse_qsl(parts.query))
    host = options.pop("host", None) or unquote(parts.hostname or "")
    # By default, the pool doubles its pauses while PostgreSQL is away: after half a minute without it, nobody would get
    # a connection for another half minute. With early failure, the next one who asks for a connection retries.
    options["pool"] = {
        "min_size": 0,
        "max_size": environment.EVENTLANE_DATABASE_CONNECTIONS,
        "timeout": 5,
        "reconnect_timeout": 2,
    }
    options.setdefault("connect_timeout", 5)
    return {
        "ENGINE": "django.db.backends.postgresql",
        "HOST": host,
        "PORT": parts.port or options.pop("port", ""),
        "NAME": unquote(parts.path.lstrip("/")) or "eventlane",
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "OPTIONS": options,
        "CONN_HEALTH_CHECKS": True,  # a pooled connection may be older than the last restart of the server
    }


def _new_node_name() -> str:
    """Return a unique name for this node: the host's, cleaned, plus a random part."""
    host = re.sub(r"[^a-z0-9]+", "-", socket.gethostname().lower())[:40].strip("-")
    return f"{host or 'node'}-{secrets.token_hex(3)}"


EVENTLANE_NODE = environment.EVENTLANE_NODE or _kept("node", _new_node_name())
EVENTLANE_JOURNAL: Path = EVENTLANE_HOME / "journal"
SECRET_KEY = environment.EVENTLANE_SECRET_KEY or _kept("secret_key", secrets.token_hex(32))
EVENTLANE_ENCRYPTION_KEYS = _encryption_keys(environment.EVENTLANE_ENCRYPTION_KEYS)
DEBUG = environment.EVENTLANE_DEBUG
SESSION_ENGINE = "eventlane.sessions"
SESSION_COOKIE_NAME = "eventlane_session"
SESSION_COOKIE_AGE = environment.EVENTLANE_SESSION_IDLE_HOURS * 3600

_https = https_settings(vars(environment), EVENTLANE_PUBLIC_URL)
ALLOWED_HOSTS = _https["ALLOWED_HOSTS"]
SESSION_COOKIE_SECURE = _https["SESSION_COOKIE_SECURE"]
CSRF_COOKIE_SECURE = _https["CSRF_COOKIE_SECURE"]
CSRF_TRUSTED_ORIGINS = _https["CSRF_TRUSTED_ORIGINS"]
SECURE_PROXY_SSL_HEADER = _https["SECURE_PROXY_SSL_HEADER"]
SECURE_SSL_REDIRECT = _https["SECURE_SSL_REDIRECT"]
SECURE_SSL_HOST = _https["SECURE_SSL_HOST"]
SECURE_HSTS_SECONDS = _https["SECURE_HSTS_SECONDS"]

DATABASE_URL = environment.DATABASE_URL or database_url(EVENTLANE_HOME)
DATABASES = {"default": _database(DATABASE_URL)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = [
    "unfold.apps.BasicAppConfig",
    "unfold.contrib.filters",
    "eventlane.apps.ConsoleConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "procrastinate.contrib.django",
    "projects",
    "pipelines",
    "events",
]
MIDDLEWARE = [
    "eventlane.wire.middleware.EveryAnswer",
    "eventlane.wire.middleware.ProgramsFirst",
    "eventlane.wire.middleware.OwnScriptsOnly",
    "eventlane.wire.middleware.KnownHost",
    "eventlane.wire.middleware.NoNul",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "eventlane.sessions.SessionsInUse",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "eventlane.urls"
EVENTS_API = tuple(f"events.ingest.views.{name}" for name in ("take_events", "refuse_events", "close_journal"))
DIALECTS = (
    "events.ingest.dialects.PATHS",
    "events.ingest.dialects.answer.take_dialect",
    "events.ingest.dialects.answer.refuse_dialect",
    "events.ingest.dialects.elasticsearch.probe",
)
APPEND_SLASH = False
AUTH_USER_MODEL = "projects.Account"
AUTHENTICATION_BACKENDS = ["projects.logins.BrakedBackend"]
LOGIN_URL = "admin:login"
PASSWORD_RESET_TIMEOUT = environment.EVENTLANE_PASSWORD_LINK_HOURS * 3600
LOGIN_REDIRECT_URL = "admin:index"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}", "OPTIONS": options}
    for name, options in {
        "UserAttributeSimilarityValidator": {},
        "MinimumLengthValidator": {"min_length": environment.EVENTLANE_MIN_PASSWORD_LENGTH},
        "CommonPasswordValidator": {},
    }.items()
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [ROOT / "platform" / "eventlane" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "libraries": {"console": "eventlane.template_tags"},
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]
STATIC_URL = "static/"
STATICFILES_DIRS = [ROOT / "platform" / "eventlane" / "static"]
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = False
FILE_UPLOAD_HANDLERS: list[str] = []  # no route takes files: nothing is written to the temporary folder
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en-us"
FORMAT_MODULE_PATH = "eventlane.formats"

PROCRASTINATE_AUTODISCOVER_MODULE_NAME = ""

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["projects.authentication.BearerAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["eventlane.api.permissions.RightOfMethod"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "eventlane.api.negotiation.NoNegotiation",
    "DEFAULT_PARSER_CLASSES": ["eventlane.api.content.JsonParser"],
    "DEFAULT_RENDERER_CLASSES": ["eventlane.api.content.JsonRenderer"],
    "DEFAULT_PAGINATION_CLASS": "eventlane.api.pagination.CursorPaginator",
    "DEFAULT_METADATA_CLASS": None,
    "DEFAULT_SCHEMA_CLASS": "eventlane.api.schema.ApiSchema",
    "EXCEPTION_HANDLER": "eventlane.api.handler.handle_exception",
    "UNAUTHENTICATED_USER": None,
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": "INFO"},
    "loggers": {
        "django.request": {"level": "ERROR"},  # a 4xx is the sender's business
        "procrastinate": {"level": "WARNING"},  # otherwise a line or two for every job
        "psycopg.pool": {"level": "ERROR"},  # whoever wanted the connection logs that PostgreSQL is away
    },
}
