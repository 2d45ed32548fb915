import pytest
from django.test import Client

from tests.console import logged_in
from tests.factories import House, make_house


@pytest.fixture
def house(db: None) -> House:
    return make_house("acme", "alice")


@pytest.fixture
def alice(house: House) -> Client:
    return logged_in(house.admin)
