"""Two organizations with the same things deployed: Alice and Bob see one of them, Charlie the other."""

import pytest
from django.test import Client

from projects.models import Account
from tests.console import logged_in
from tests.factories import House, make_account, make_house


@pytest.fixture
def acme(db: None) -> House:
    return make_house("acme", "alice")


@pytest.fixture
def umbrella(db: None) -> House:
    return make_house("umbrella", "charlie")


@pytest.fixture
def alice(acme: House) -> Client:
    return logged_in(acme.admin)


@pytest.fixture
def bobs_account(acme: House) -> Account:
    return make_account(acme.organization, "bob")


@pytest.fixture
def bob(bobs_account: Account) -> Client:
    return logged_in(bobs_account)


@pytest.fixture
def charlie(umbrella: House) -> Client:
    return logged_in(umbrella.admin)
