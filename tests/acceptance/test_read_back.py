"""Whatever was accepted over HTTP is read back byte for byte, in order, before and after it is sealed."""

import base64
import json
import random
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.events.ingest.test_parse import ACCEPTED, REFUSED, dumps, encodable, objects
from tests.examples import examples

READ = """
import base64
from events.lake.query import EventQuery, find_events
from events.models import Dataset
query = EventQuery(Dataset.objects.get(name="logs"), namespace={namespace!r}, limit=None)
for row in find_events(query):
    print(base64.b64encode(row.event.encode()).decode())
"""
malformed = st.sampled_from([text for text, _, _ in REFUSED.values() if len(text) < 1000 and text])


def read_back(server, namespace):
    """Return the texts of a namespace's events."""
    done = server.manage("shell", "-v0", "-c", READ.format(namespace=namespace))
    return [base64.b64decode(line) for line in done.stdout.split()]


def seal_all(server):
    """Wait until nothing is left in the journal."""
    server.wait_until(lambda: not list((server.home / "journal").glob("*.journal")), "everything is sealed", 30)


def test_nasty_events_are_kept_byte_for_byte(server):
    namespace = f"nasty-{time.time_ns()}"
    texts = list(ACCEPTED.values())
    assert server.post(f"/v1/logs/{namespace}", b"[" + b" ,\r\n".join(texts) + b"]").status == 202
    assert read_back(server, namespace) == texts
    seal_all(server)
    assert read_back(server, namespace) == texts


@pytest.mark.slow
def test_everything_accepted_is_kept_byte_for_byte(server):
    namespace = f"kept-{time.time_ns()}"
    sent = []

    @given(st.lists(st.tuples(objects.filter(encodable), dumps, malformed), min_size=1, max_size=6), st.randoms())
    @settings(max_examples=examples(300), deadline=None, suppress_health_check=[HealthCheck.too_slow])
    def send(drawn, chance: random.Random):
        elements, good = [], []
        for value, dump, bad in drawn:
            text = dump(value).encode()
            good.append(text)
            elements.append(text)
            if chance.random() < 0.2:
                elements.append(bad)
        response = server.post(f"/v1/logs/{namespace}", b"[" + b",".join(elements) + b"]")
        assert response.status == (202 if good == elements else 400)
        if response.status == 400:
            assert len(json.loads(response.data)["invalid"]) == len(elements) - len(good)
        sent.extend(good)

    send()
    assert read_back(server, namespace) == sent
    seal_all(server)
    assert read_back(server, namespace) == sent
