"""Sends one message by Apprise, in a process of its own, which can do little else (docs/alerts.md).

Apprise knows more than a hundred services. The plugin of each opens its own connections, and some read files that their
address names, or run programs. An audit hook refuses what a message doesn't need: connections to addresses that aren't
public, files of this machine, other programs. Nothing of the platform is in the process: no settings, no database.

Reads JSON from its standard input, with the address, which is a secret. Prints JSON with `problem`, empty if the
message was sent.
"""

import ipaddress
import json
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from events.alerts.reachable import ADVICE, IpNetwork, may_reach

LOCAL = {"blink1", "dbus", "glib", "gnome", "kde", "macosx", "qt", "syslog", "windows"}  # of this machine
FORBIDDEN = ("subprocess.Popen", "os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn", "os.system")
CONNECTS = ("socket.connect", "socket.sendto", "socket.sendmsg")


class Guard:
    """Refuses what a message doesn't need, and remembers why."""

    def __init__(self, also: Sequence[IpNetwork]) -> None:
        self._also = also
        self._readable = [
            os.path.realpath(path) for path in (*sys.path[1:], sys.prefix, sys.base_prefix, "/etc/ssl")
        ]  # not [0], ours
        self.refused = ""

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Look at an event of Python's audit hooks (PEP 578); raise PermissionError to prevent it."""
        if event in CONNECTS:
            self._check_address(arguments[1])
        elif event == "open":
            self._check_file(arguments[0])
        elif event in FORBIDDEN:
            self._refuse("it would run a program on this machine")

    def _check_address(self, address: Any) -> None:
        if address is None:  # a socket that is connected already
            return
        try:
            host = str(address[0]).partition("%")[0]
            reached = may_reach(ipaddress.ip_address(host), self._also)
        except (ValueError, TypeError, IndexError):
            self._refuse("it would connect to something without an IP address")
        if not reached:
            self._refuse(f"{host} {ADVICE}")

    def _check_file(self, path: Any) -> None:
        if isinstance(path, int):
            return
        found = os.path.realpath(os.fsdecode(path))
        if not any(found == readable or found.startswith(f"{readable}/") for readable in self._readable):
            self._refuse("it would open a file on this machine")

    def _refuse(self, reason: str) -> None:
        self.refused = self.refused or reason
        raise PermissionError(reason)


def main() -> None:
    """Send the message that standard input has."""
    given = json.load(sys.stdin)
    logging.disable()  # its messages may quote the address
    import apprise

    guard = Guard([ipaddress.ip_network(one) for one in given["also"]])
    sys.addaudithook(guard)
    problem, for_good = _send(apprise, given)
    if problem and guard.refused:  # if it was sent all the same, it did without
        problem, for_good = guard.refused, True
    print(json.dumps({"problem": problem, "for_good": for_good}))


def _send(apprise: Any, given: dict[str, Any]) -> tuple[str, bool]:
    asset = apprise.AppriseAsset(async_mode=False, plugin_paths=[])
    try:
        service = apprise.Apprise.instantiate(given["url"], asset=asset)
        if service is None:
            return "the address in the identity is none that Apprise knows", True
        if Path(sys.modules[type(service).__module__].__file__ or "").stem in LOCAL:
            return "it would use this machine's own services", True
        if service.overflow_mode == apprise.OverflowMode.UPSTREAM:  # services would refuse what is too long for them
            service.overflow_mode = apprise.OverflowMode.SPLIT
        return ("" if service.notify(body=given["body"], title=given["title"]) else "Apprise could not send it"), False
    except Exception as error:  # its message may quote the address
        return f"Apprise failed: {type(error).__name__}", False


if __name__ == "__main__":
    main()
