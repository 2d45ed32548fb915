"""What the listener shows of itself in a file of its node's home, for the console and `manage.py doctor`."""

import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec
from django.conf import settings

EVERY_SECONDS = 5.0
STALE_SECONDS = 60.0  # one that has shown nothing for so long doesn't run, or hangs
KINDS = ("TCP", "TLS", "UDP")


@dataclass(frozen=True, slots=True)
class Status:
    """Counts of lines since the listener started."""

    connections: int
    received: int
    waiting: int  # to be stored
    refused: int
    dropped: int  # over UDP, for want of room


def addresses() -> list[str]:
    """Return where it is to listen, like `UDP 10.0.0.5:5514`."""
    return [f"{kind} {place}" for kind in KINDS if (place := getattr(settings, f"EVENTLANE_SYSLOG_{kind}"))]


def write_status(status: Status) -> None:
    """Show a status."""
    new = _file().with_suffix(".new")
    with suppress(OSError):  # a full disk is no reason to stop
        new.write_bytes(msgspec.json.encode(status))
        new.replace(_file())


def read_status() -> Status | None:
    """Return what the listener has shown lately, or None if it doesn't run."""
    try:
        if time.time() - _file().stat().st_mtime > STALE_SECONDS:
            return None
        return msgspec.json.decode(_file().read_bytes(), type=Status)
    except (OSError, msgspec.DecodeError):
        return None


def _file() -> Path:
    return Path(settings.EVENTLANE_HOME) / "syslog.json"
