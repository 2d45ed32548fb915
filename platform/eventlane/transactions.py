"""Transactions over many rows, retried if workers change the same rows at the same time."""

from collections.abc import Callable
from typing import TypeVar

from django.db import DatabaseError, IntegrityError, connection, transaction

from eventlane.database import is_contention

T = TypeVar("T")

ATTEMPTS = 5


def retry(change: Callable[[], T]) -> T:
    """Make a change in a transaction. Retry if a worker interfered, or on a deadlock."""
    for _ in range(ATTEMPTS - 1):
        try:
            return _once(change)
        except DatabaseError as error:
            if not _is_passing(error):
                raise
    return _once(change)


@transaction.atomic
def _once(change: Callable[[], T]) -> T:
    result = change()
    connection.check_constraints()  # here, where it can be retried, not at the commit
    return result


def _is_passing(error: DatabaseError) -> bool:
    return isinstance(error, IntegrityError) or is_contention(error)
