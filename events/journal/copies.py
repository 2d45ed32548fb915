"""Copies of a batch: a sender whose reply got lost sends a request again, and its events must not be there twice.

A batch has a token if its sender has named the request (`Idempotency-Key`), or says where its events have ids: then
each is a batch. The token is a digest of name or id, of the API key and the dataset. Batches with the same token that
were received within EVENTLANE_IDEMPOTENCY_HOURS are copies of each other, and one of them counts: the one that is
sealed, else the one with the least id in this node's journal.

The sealer notes the tokens of what it seals in `sealed_requests`, in the same transaction, and leaves out what has its
token there. Such a transaction commits only if no other has since it began, so two sealers never seal two copies. A
reader looks into the same table of its snapshot. Requests without a name cost nothing of this.
"""

from collections import defaultdict
from collections.abc import Iterable
from datetime import timedelta

from django.conf import settings

from events.journal.format import Batch, Copy


class Copies:
    """Batches with tokens, by token."""

    def __init__(self, copies: Iterable[Copy] = ()) -> None:
        self._by_token: dict[bytes, list[Copy]] = defaultdict(list)
        for copy in copies:
            self.add(copy)

    def add(self, copy: Copy) -> None:
        """Add one more."""
        self._by_token[copy.token].append(copy)

    def first_of(self, copy: Copy) -> Copy | None:
        """Return the first one of which this is a copy, if there is any."""
        same = self._by_token.get(copy.token)
        return min((one for one in same if are_copies(one, copy)), default=None) if same else None


def remembered() -> timedelta:
    """Return for how long a token is remembered."""
    return timedelta(hours=settings.EVENTLANE_IDEMPOTENCY_HOURS)


def are_copies(one: Copy, other: Copy) -> bool:
    """Return whether two batches are copies of each other."""
    between = timedelta(microseconds=abs(one.received_us - other.received_us))
    return one.token == other.token and between < remembered()


def copies_among(batches: Iterable[Batch]) -> list[Copy]:
    """Return those batches that have a token."""
    return [copy for batch in batches if (copy := batch.copy)]


def firsts_among(copies: Iterable[Copy], sealed: Copies) -> list[Copy]:
    """Return those that are copies neither of what is sealed nor of one before them."""
    firsts: list[Copy] = []
    known = Copies(firsts)
    for copy in sorted(copies):
        if not sealed.first_of(copy) and not known.first_of(copy):
            known.add(copy)
            firsts.append(copy)
    return firsts
