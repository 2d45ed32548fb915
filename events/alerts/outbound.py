"""Requests to addresses that people of a project chose. They must not reach what only this machine can.

A name is looked up once, and the connection goes to the very address that was checked: a name server that gives another
answer the second time gains nothing. Redirects aren't followed, and proxies of the environment aren't used.
"""

import http.client
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

from django.conf import settings

from eventlane.one_line import one_line
from events.alerts.reachable import ADVICE, IpAddress, may_reach

CONNECT_SECONDS = 5.0
WHOLE_SECONDS = 15.0  # for one request, however slowly the other side answers


class Refused(Exception):
    """Nothing is sent to this address, however often it is tried."""


class Failed(Exception):
    """Something could not be sent. It may work later."""


class Address(NamedTuple):
    """Where a request goes."""

    scheme: str
    host: str
    port: int
    target: str  # path and query


def read_address(url: str) -> Address:
    """Return the parts of a URL, or raise Refused. Messages never quote it: it may hold a secret."""
    try:
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        host = (parts.hostname or "").encode("idna").decode()
    except (ValueError, UnicodeError):
        raise Refused("must be an address like https://example.com/path") from None
    if parts.scheme not in ("http", "https") or not host:
        raise Refused("must begin with https:// or http://, and name a host")
    if parts.username is not None or parts.password is not None:
        raise Refused("must not have a login before the host")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if not target.isascii() or not target.isprintable() or " " in target:
        raise Refused("must have only ASCII characters and no spaces in path and query")
    return Address(parts.scheme, host, port, target)


def refuse_inner(host: str) -> None:
    """Raise Refused for an address in digits that messages can't reach; what a name stands for may change."""
    try:
        ip = ipaddress.ip_address(host)
    except ValueError:
        try:
            ip = ipaddress.ip_address(socket.inet_aton(host))  # 2130706433, 0x7f000001, 127.1
        except OSError:
            return
    if not may_reach(ip, settings.EVENTLANE_ALERT_TARGETS):
        raise Refused(f"{host} {ADVICE}")


def post(url: str, body: bytes, headers: Mapping[str, str]) -> None:
    """Send a request, and raise Refused or Failed unless it is answered with 2xx."""
    address = read_address(url)
    connection = _connect(address)
    # Timeouts of a socket are those of one read each; this ends a request that is answered byte by byte.
    clock = threading.Timer(WHOLE_SECONDS, _cut, [connection.sock])
    clock.start()
    try:
        connection.request("POST", address.target, body, dict(headers))
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        raise Failed(f"{address.host}: {one_line(error)}") from None
    finally:
        clock.cancel()
        connection.close()
    if 300 <= status < 400:
        raise Failed(f"{address.host} answered {status}: redirects are not followed")
    if not 200 <= status < 300:
        raise Failed(f"{address.host} answered {status}")


def _cut(open_socket: socket.socket) -> None:
    try:
        open_socket.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass  # it is closed already


def _connect(address: Address) -> http.client.HTTPConnection:
    """Return an open connection to the first checked address that answers."""
    trouble: Exception = Failed(f"{address.host} has no address")
    end = time.monotonic() + WHOLE_SECONDS  # a name may have any number of addresses
    for ip in checked_addresses(address.host, address.port):
        connection = http.client.HTTPConnection(address.host, address.port, timeout=CONNECT_SECONDS)
        if address.scheme == "https":  # for the port in the header Host
            connection.default_port = http.client.HTTPS_PORT
        try:
            connection.sock = _open(address, ip)
        except OSError as error:
            trouble = Failed(f"{address.host}: {one_line(error)}")
            if time.monotonic() > end:
                break
        else:
            return connection
    raise trouble


def _open(address: Address, ip: IpAddress) -> socket.socket:
    plain = socket.create_connection((str(ip), address.port), CONNECT_SECONDS)
    if address.scheme == "http":
        return plain
    try:
        return ssl.create_default_context().wrap_socket(plain, server_hostname=address.host)
    except BaseException:
        plain.close()
        raise


def checked_addresses(host: str, port: int) -> Iterator[IpAddress]:
    """Yield the addresses of a host that may be connected to; raise Refused if it has others only."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise Failed(f"{host}: {one_line(error)}") from None
    ips = [ipaddress.ip_address(str(place[0]).partition("%")[0]) for *_, place in found]
    allowed = [ip for ip in dict.fromkeys(ips) if may_reach(ip, settings.EVENTLANE_ALERT_TARGETS)]
    if not allowed:
        raise Refused(f"{host} {ADVICE}")
    yield from allowed
