"""Mail about alerts. A server may accept a message for some of its recipients only, and tells only the sender."""

import smtplib
from collections.abc import Mapping, Sequence
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage
from django.core.mail.backends.smtp import EmailBackend
from django.core.mail.message import sanitize_address

from eventlane.one_line import one_line
from events.alerts.outbound import Failed, Refused

SMTP_SECONDS = 10
LONGEST_ANSWER = 100  # characters of a server's that are told; there may be 50 of them

Answers = Mapping[str, str]  # of the mail server, by recipient


class PartlyRefused(Exception):
    """Some recipients have got a message, others not. `refused` has these, and what the server said."""

    def __init__(self, refused: Answers) -> None:
        told = ", ".join(f"{who} ({answer})" for who, answer in refused.items())
        super().__init__(f"all but these have got it: {told}")
        self.refused = dict(refused)

    @property
    def for_good(self) -> bool:
        """Whether it is no use to try again."""
        return all(map(_is_for_good, self.refused.values()))


def send_mail(to: Sequence[str], subject: str, text: str, refused: Answers | None) -> None:
    """Send mail to everybody, or to those who were refused it for the time being the last time.

    Raises Failed or Refused if nobody got it, and PartlyRefused if somebody didn't.
    """
    if not settings.EVENTLANE_SMTP_HOST:
        raise Refused("no mail server is set: EVENTLANE_SMTP_HOST")
    lost = {one: refused[one] for one in to if one in refused and _is_for_good(refused[one])} if refused else {}
    pending = [one for one in to if one not in lost and (refused is None or one in refused)]
    message = EmailMessage(subject, text, settings.EVENTLANE_EMAIL_FROM, to)
    try:
        now = _send(message, pending)
    except (OSError, smtplib.SMTPException) as error:
        if refused is None:
            raise Failed(f"the mail server {settings.EVENTLANE_SMTP_HOST}: {one_line(error)}") from None
        now = dict.fromkeys(pending, one_line(error, LONGEST_ANSWER))
    if refused is None and len(now) == len(set(to)):
        told = "; ".join(dict.fromkeys(now.values()))
        raise Failed(f"the mail server {settings.EVENTLANE_SMTP_HOST} refuses all recipients: {told}")
    if lost or now:
        raise PartlyRefused(lost | now)


def _is_for_good(answer: str) -> bool:
    return answer.startswith("5")


def _send(message: EmailMessage, recipients: Sequence[str]) -> dict[str, str]:
    """Send a message to some of its recipients, and return what the server said to those that it refuses."""
    if not recipients:
        return {}
    encoding = message.encoding or "utf-8"
    names = {sanitize_address(one, encoding): one for one in recipients}
    content = message.message().as_bytes(linesep="\r\n")  # type: ignore[call-arg]  # Django's takes it
    server = _mail_server()
    server.open()
    connection: Any = server.connection
    try:
        refused = connection.sendmail(sanitize_address(message.from_email, encoding), [*names], content)
    except smtplib.SMTPRecipientsRefused as error:
        refused = error.recipients
    finally:
        server.close()
    return {names[who]: _answer(*said) for who, said in refused.items()}


def _answer(code: int, said: bytes) -> str:
    return one_line(f"{code} {said.decode(errors='replace')}", LONGEST_ANSWER)


def _mail_server() -> EmailBackend:
    return EmailBackend(
        host=settings.EVENTLANE_SMTP_HOST,
        port=settings.EVENTLANE_SMTP_PORT,
        username=settings.EVENTLANE_SMTP_USER,
        password=settings.EVENTLANE_SMTP_PASSWORD,
        use_tls=settings.EVENTLANE_SMTP_SECURITY == "starttls",
        use_ssl=settings.EVENTLANE_SMTP_SECURITY == "tls",
        timeout=SMTP_SECONDS,
    )
