"""Who gets in, and for how long, while keys change and PostgreSQL comes and goes."""

import json
import os
import signal
import time

import pytest

pytestmark = pytest.mark.alone  # keys that expire


def stops_within(server, key, seconds):
    """Return how long a key is still accepted."""
    start = time.monotonic()
    while server.post("/v1/logs/web", [{}], x_api_key=key).status == 202:
        assert time.monotonic() - start < seconds + 5
        time.sleep(0.01)
    return time.monotonic() - start


def shell(server, code):
    imports = "from projects.models import *; from projects.api_keys import *; from django.utils import timezone; "
    return server.manage("shell", "-v0", "-c", imports + code).stdout.strip()


def new_key(server, *options):
    return server.manage("create_api_key", "test", "--rights", "ingest", "--project", "main", *options).stdout.strip()


def accept(server, key):
    """Let both web processes learn of a key."""
    for _ in range(20):
        assert (
            server.http.request(
                "POST", f"{server.url}/v1/logs/web", body=b"[{}]", headers={"x-api-key": key, "connection": "close"}
            ).status
            == 202
        )


def test_revoked_key_stops_within_a_second(server):
    key = new_key(server)
    accept(server, key)
    shell(server, f"revoke_api_key(api_key=ApiKey.objects.get(digest=digest_of('{key}')), now=timezone.now())")
    # The command's own end comes after its commit, so what is measured here is a little less than the whole.
    assert stops_within(server, key, 1.0) < 1.0
    time.sleep(0.5)
    for _ in range(20):
        assert server.post("/v1/logs/web", [{}], x_api_key=key, connection="close").status == 401


def test_new_key_works_at_once_even_if_it_was_tried_before(server):
    key = new_key(server)
    assert server.post("/v1/logs/web", [{}], x_api_key=key).status == 202


def test_expired_key_stops(server):
    key = new_key(server, "--expires", "4s")
    made = time.monotonic()  # or a little earlier
    accept(server, key)
    time.sleep(max(0.0, made + 4 - time.monotonic()))
    assert server.post("/v1/logs/web", [{}], x_api_key=key).status == 401


def test_disabled_account_takes_its_keys_along(server):
    shell(server, "Account.objects.create_account('dan@example.com', 'x', Organization.objects.get(), role='admin')")
    key = new_key(server, "--account", "dan@example.com")
    accept(server, key)
    shell(server, "Account.objects.filter(email='dan@example.com').update(disabled=True)")
    assert stops_within(server, key, 1.0) < 1.0


def test_last_use_is_written(server):
    key = new_key(server)
    used = f"print(ApiKey.objects.get(digest=digest_of('{key}')).last_use_time)"
    assert shell(server, used) == "None"
    assert server.post("/v1/logs/web", [{}], x_api_key=key).status == 202
    server.wait_until(lambda: shell(server, used) != "None", "last use is written")


def test_known_senders_are_served_while_postgresql_is_down(fresh_server):
    server = fresh_server()
    accept(server, server.keys["ingest"])
    [postgres] = [pid for pid in server.pids_of("postgres") if "postgres -D" in server.pids()[pid]][:1]
    os.kill(postgres, signal.SIGSTOP)  # first hanging, then gone, then back: each is a way to be down
    try:
        sent = _send_for(server, 4.0, "hanging")
    finally:
        os.kill(postgres, signal.SIGCONT)
    os.kill(postgres, signal.SIGKILL)
    sent += _send_for(server, 4.0, "killed")
    assert server.post("/v1/logs/web", [{}], x_api_key="evl_never_seen").status in (401, 500)
    server.wait_until(lambda: server.post("/v1/logs/web", [{}], x_api_key="evl_nobody").status == 401, "it is back")
    sent += _send_for(server, 1.0, "back")
    done = server.manage("tail", "logs", "--namespace", "outage", "--from", "1h", "--json")
    assert [json.loads(line)["event"]["n"] for line in done.stdout.splitlines()] == sent


def _send_for(server, seconds, phase):
    """Send events for a while; every one must be accepted. Return their numbers."""
    sent, end = [], time.monotonic() + seconds
    while time.monotonic() < end:
        number = time.time_ns()
        response = server.post("/v1/logs/outage", [{"n": number}])
        assert response.status == 202, phase
        sent.append(number)
        time.sleep(0.02)
    return sent
