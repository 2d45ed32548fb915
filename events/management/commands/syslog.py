import asyncio
import ssl
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from eventlane.command_line import ExampleCommand
from events.send import BATCH_BYTES, BATCH_EVENTS, EMPTY_BODY_BYTES, Connection, Target
from events.syslog.listener import Limits, Listener
from events.syslog.relay import Relay
from events.syslog.status import addresses, write_status

RETRY_FOR = timedelta(days=3650)  # senders wait


class Command(ExampleCommand):
    help = (
        "Listen for syslog and store each line as an event. `manage.py up` runs this by itself if one of\n"
        "EVENTLANE_SYSLOG_TCP, EVENTLANE_SYSLOG_TLS and EVENTLANE_SYSLOG_UDP is set. Needs an API key with the\n"
        "right `ingest` in EVENTLANE_SYSLOG_KEY."
    )
    example = """
EVENTLANE_SYSLOG_TCP=10.0.0.5:5514 EVENTLANE_SYSLOG_KEY=evl_... python manage.py syslog
"""
    requires_system_checks: list[str] = []
    needs_platform = False

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--url", default="", help="the server (default: the one at EVENTLANE_BIND)")

    def handle(self, **options: Any) -> None:
        if not addresses():
            raise CommandError("set EVENTLANE_SYSLOG_TCP, EVENTLANE_SYSLOG_TLS or EVENTLANE_SYSLOG_UDP to HOST:PORT")
        if not settings.EVENTLANE_SYSLOG_KEY:
            raise CommandError("set EVENTLANE_SYSLOG_KEY to an API key with the right to ingest")
        try:
            asyncio.run(self._listener(options["url"]).run())
        except OSError as error:
            raise CommandError(f"can't listen for syslog: {error}") from None

    def _listener(self, url: str) -> Listener:
        target = Target(settings.EVENTLANE_SYSLOG_DATASET, settings.EVENTLANE_SYSLOG_NAMESPACE)
        headers = {"x-api-key": settings.EVENTLANE_SYSLOG_KEY, **target.headers()}
        connection = Connection(target.url(url or _own_url()), headers, RETRY_FOR, on_retry=self._say)
        limits = Limits(
            settings.EVENTLANE_SYSLOG_CONNECTIONS,
            settings.EVENTLANE_SYSLOG_LINE_BYTES,
            settings.EVENTLANE_SYSLOG_UDP_LINES,
            min(settings.EVENTLANE_MAX_EVENT_BYTES, settings.EVENTLANE_MAX_BODY_BYTES - EMPTY_BODY_BYTES + 1),
        )
        places = (settings.EVENTLANE_SYSLOG_TCP, settings.EVENTLANE_SYSLOG_TLS, settings.EVENTLANE_SYSLOG_UDP)
        most_events = min(settings.EVENTLANE_MAX_REQUEST_EVENTS, BATCH_EVENTS)
        relay = Relay(connection, self._say, most_events, min(settings.EVENTLANE_MAX_BODY_BYTES, BATCH_BYTES))
        return Listener(relay, limits, *places, context=_tls_context(), show=write_status)

    def _say(self, text: str) -> None:
        self.stdout.write(text)
        self.stdout.flush()


def _own_url() -> str:
    host, _, port = settings.EVENTLANE_BIND.rpartition(":")
    host = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]", "::": "[::1]"}.get(host, host)
    return f"http://{host}:{port}"


def _tls_context() -> ssl.SSLContext | None:
    """Return what TLS needs, if it is wanted."""
    if not settings.EVENTLANE_SYSLOG_TLS:
        return None
    if not settings.EVENTLANE_SYSLOG_CERTIFICATE:
        raise CommandError("EVENTLANE_SYSLOG_TLS needs EVENTLANE_SYSLOG_CERTIFICATE")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(
            settings.EVENTLANE_SYSLOG_CERTIFICATE, settings.EVENTLANE_SYSLOG_CERTIFICATE_KEY or None
        )
        if settings.EVENTLANE_SYSLOG_CLIENT_CA:
            context.load_verify_locations(settings.EVENTLANE_SYSLOG_CLIENT_CA)
            context.verify_mode = ssl.CERT_REQUIRED
    except OSError as error:
        raise CommandError(f"the certificates for EVENTLANE_SYSLOG_TLS can't be used: {error}") from None
    return context
