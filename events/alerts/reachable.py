"""Which addresses messages may go to. Without Django: `apprise_child.py` needs it, too."""

import ipaddress
from collections.abc import Iterator, Sequence

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
IpNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network
CLOUD = {ipaddress.ip_address("168.63.129.16")}  # Azure's, for its own machines; others' are link-local or private
ADVICE = "is not a public address; EVENTLANE_ALERT_TARGETS lists what else may be reached"


def may_reach(ip: IpAddress, also: Sequence[IpNetwork]) -> bool:
    """Return whether an address is public, or in one of these networks."""
    mapped = ip.ipv4_mapped if isinstance(ip, ipaddress.IPv6Address) else None
    if mapped is not None:
        return may_reach(mapped, also)
    if any(ip in network for network in also):
        return True
    return _is_public(ip) and all(map(_is_public, _embedded(ip)))


def _is_public(ip: IpAddress) -> bool:
    if ip in CLOUD or (isinstance(ip, ipaddress.IPv6Address) and ip.is_site_local):
        return False
    return ip.is_global and not (ip.is_multicast or ip.is_reserved)


def _embedded(ip: IpAddress) -> Iterator[IpAddress]:
    """Yield the IPv4 address that a router may make of an IPv6 address (6to4, Teredo)."""
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.sixtofour is not None:
            yield ip.sixtofour
        yield from ip.teredo or ()
