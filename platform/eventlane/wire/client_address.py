"""Where a request comes from."""

import ipaddress

from django.conf import settings
from django.http import HttpRequest

SITE_BITS = 64  # of an IPv6 address: a customer has at least all addresses with the same first 64 bits


def client_address(request: HttpRequest) -> str:
    """Return the sender's address: the peer's, or the one reported by EVENTLANE_PROXIES proxies.

    Each proxy appends its peer's address to X-Forwarded-For; anything before those may be forged.
    """
    peer = _plain(request.META.get("REMOTE_ADDR", ""))
    proxies = settings.EVENTLANE_PROXIES
    forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")
    return (_plain(forwarded[-proxies]) if 0 < proxies <= len(forwarded) else "") or peer


def site_of(address: str) -> str:
    """Return the part of an address that its owner can't change at will."""
    try:
        network = ipaddress.ip_network(f"{address}/{SITE_BITS}", strict=False) if ":" in address else None
    except ValueError:
        return address
    return str(network or address)


def _plain(text: str) -> str:
    """Return an address without brackets and port, or an empty text if it isn't one."""
    text = text.strip()
    host = text[1:].partition("]")[0] if text.startswith("[") else text
    if host.count(":") == 1:
        host = host.partition(":")[0]
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return ""
    return str(getattr(address, "ipv4_mapped", None) or address)
