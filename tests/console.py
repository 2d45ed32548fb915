"""Clients of the console inside the test process."""

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from projects.models import Account


def logged_in(account: Account) -> Client:
    """Return a test client with the account's session."""
    client = Client()
    client.force_login(account)
    return client


def count_queries(client: Client, path: str) -> int:
    """Return how many questions a page asks the database once caches are warm."""
    client.get(path)
    with CaptureQueriesContext(connection) as captured:
        assert client.get(path).status_code == 200
    return len(captured)
