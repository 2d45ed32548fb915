"""Settings derived from EVENTLANE_PUBLIC_URL: an https address means a proxy with TLS in front, and https only."""

from collections.abc import Mapping
from typing import Any, TypedDict
from urllib.parse import urlsplit

LOOPBACK = ["localhost", "127.0.0.1", "[::1]"]
ANY_ADDRESS = ("0.0.0.0", "[::]")


class HttpsSettings(TypedDict):
    """Django's settings for hosts, cookies and https."""

    ALLOWED_HOSTS: list[str]
    SESSION_COOKIE_SECURE: bool
    CSRF_COOKIE_SECURE: bool
    CSRF_TRUSTED_ORIGINS: list[str]
    SECURE_PROXY_SSL_HEADER: tuple[str, str] | None
    SECURE_SSL_REDIRECT: bool
    SECURE_SSL_HOST: str | None
    SECURE_HSTS_SECONDS: int


def https_settings(values: Mapping[str, Any], public_url: str) -> HttpsSettings:
    """Return the console's settings for this address; explicit settings take precedence."""
    is_https = public_url.startswith("https://")
    secure = is_https if values["EVENTLANE_SECURE_COOKIES"] == "auto" else values["EVENTLANE_SECURE_COOKIES"] == "true"
    return {
        "ALLOWED_HOSTS": values["EVENTLANE_ALLOWED_HOSTS"]
        or (_hosts(public_url, values["EVENTLANE_BIND"]) if is_https else ["*"]),
        "SESSION_COOKIE_SECURE": secure,
        "CSRF_COOKIE_SECURE": secure,
        "CSRF_TRUSTED_ORIGINS": [public_url] if is_https else [],
        "SECURE_PROXY_SSL_HEADER": ("HTTP_X_FORWARDED_PROTO", "https") if is_https else None,
        "SECURE_SSL_REDIRECT": is_https and values["EVENTLANE_HTTPS_REDIRECT"],
        "SECURE_SSL_HOST": urlsplit(public_url).netloc if is_https else None,
        "SECURE_HSTS_SECONDS": values["EVENTLANE_HSTS_SECONDS"] if is_https else 0,
    }


def _hosts(public_url: str, bind: str) -> list[str]:
    """Return the public name, and the names under which people and probes on this machine reach the console."""
    name = urlsplit(public_url).hostname or ""
    own = bind.rpartition(":")[0]
    names = [f"[{name}]" if ":" in name else name, *LOOPBACK, *([] if own in ANY_ADDRESS else [own])]
    return list(dict.fromkeys(names))
