"""What the data of a channel looks like: the resources of type `channel`, which messages of alerts are sent to."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from eventlane.wire.errors import Problem
from pipelines.resources.added import Reference
from pipelines.resources.shapes import Shape, array, choice, describe, optional, plain_object, record, required, text

_MAIL_ADDRESS = re.compile(r"[^\s@<>,;\"\\]+@[^\s@<>,;\"\\]+")


def _url(value: Any, pointer: str, problems: list[Problem]) -> str | None:
    # Not at the top: every process has this shape, and few need TLS.
    from events.alerts.outbound import Refused, read_address, refuse_inner

    checked: str | None = text(most=2000)(value, pointer, problems)
    if checked is None:
        return None
    try:
        refuse_inner(read_address(checked).host)
    except Refused as error:
        problems.append(Problem(pointer, str(error)))
        return None
    return checked


describe(_url, "address of http or https")
_recipients = describe(
    array(text(most=254, pattern=_MAIL_ADDRESS, rule="an e-mail address"), least=1, most=50),
    "list of 1 to 50 addresses",
)

OF_KIND: Mapping[str, Mapping[str, Any]] = {
    "apprise": {"identity": required(text())},
    "email": {"to": required(_recipients)},
    "slack": {"identity": required(text())},
    "webhook": {"url": required(_url), "identity": optional(text())},
}
_kind = choice(*OF_KIND)
_SHAPES: Mapping[str, Shape] = {kind: record({"kind": required(_kind), **members}) for kind, members in OF_KIND.items()}

_OF_NO_KIND = record({"kind": required(_kind)})


def channel_data(value: Any, pointer: str, problems: list[Problem]) -> dict[str, Any] | None:
    """Accept the data of a channel, with the members of its kind."""
    given = plain_object(value, pointer, problems)
    if given is None:
        return None
    kind = given.get("kind")
    if not isinstance(kind, str) or kind not in _SHAPES:
        return _OF_NO_KIND({name: kind for name in given if name == "kind"}, pointer, problems)
    return _SHAPES[kind](given, pointer, problems)


describe(
    channel_data,
    "object",
    {"kind": required(_kind)}
    | {f"{name} ({kind})": member for kind, members in OF_KIND.items() for name, member in members.items()},
)

MEANINGS = {
    "kind": "how it is sent",
    "identity (apprise)": "identity that has the address of a service as Apprise writes it, which is a secret",
    "to (email)": "whom it is sent to",
    "identity (slack)": "identity that has the address of an incoming webhook of Slack, which is a secret",
    "url (webhook)": "where it is sent to",
    "identity (webhook)": "identity that has the secret to sign with; without one, messages aren't signed",
}
EXAMPLE = """\
type: channel
version: 1
name: on-call
data:
  kind: email
  to: [on-call@example.com]
"""


def references(data: Any) -> Iterator[Reference]:
    """Yield what a channel names."""
    if "identity" in data:
        yield Reference("identity", data["identity"], "/identity")
