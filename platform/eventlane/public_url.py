"""What follows from EVENTLANE_PUBLIC_URL: an https address means a proxy with TLS in front, and https only."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

LOOPBACK = ["localhost", "127.0.0.1", "[::1]"]
ANY_ADDRESS = ("0.0.0.0", "[::]")


def https_settings(values: Mapping[str, Any], public_url: str) -> dict[str, Any]:
    """Return Django's settings about hosts, cookies and https; what is set explicitly wins."""
    is_https = public_url.startswith("https://")
    hosts = values["EVENTLANE_ALLOWED_HOSTS"] or (_hosts(public_url, values["EVENTLANE_BIND"]) if is_https else ["*"])
    secure = is_https if values["EVENTLANE_SECURE_COOKIES"] == "auto" else values["EVENTLANE_SECURE_COOKIES"] == "true"
    found = {"ALLOWED_HOSTS": hosts, "SESSION_COOKIE_SECURE": secure, "CSRF_COOKIE_SECURE": secure}
    if not is_https:
        return found
    return found | {
        "CSRF_TRUSTED_ORIGINS": [public_url],
        "SECURE_PROXY_SSL_HEADER": ("HTTP_X_FORWARDED_PROTO", "https"),
        "SECURE_SSL_REDIRECT": values["EVENTLANE_HTTPS_REDIRECT"],
        "SECURE_SSL_HOST": urlsplit(public_url).netloc,
        "SECURE_HSTS_SECONDS": values["EVENTLANE_HSTS_SECONDS"],
    }


def _hosts(public_url: str, bind: str) -> list[str]:
    """Return the public name, and those by which a person or a probe on this machine reaches the console."""
    name = urlsplit(public_url).hostname or ""
    own = bind.rpartition(":")[0]
    names = [f"[{name}]" if ":" in name else name, *LOOPBACK, *([] if own in ANY_ADDRESS else [own])]
    return list(dict.fromkeys(names))
