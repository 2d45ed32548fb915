"""Rows that all tests of a module begin with: made once, while each test's own changes are rolled back."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import transaction
from pytest_django import DjangoDbBlocker


@contextmanager
def shared_rows(blocker: DjangoDbBlocker) -> Iterator[None]:
    """Let a fixture of module scope fill the database; what it made is gone when the module is done.

    The transaction of a test is a savepoint of this one: mark the tests `django_db`, not transactional.
    """
    with blocker.unblock(), transaction.atomic():
        yield
        transaction.set_rollback(True)
