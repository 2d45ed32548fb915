"""What triggers may listen to."""

from typing import Any

import pytest

from pipelines.connectors import CONNECTORS, concerns, event_names, subscription_problems

POINTER = "/specs/0/data"
NO_DATE = "must be a date like 2021-10-15T15:07:39Z"
TOO_LONG = "must have at most 100 characters"
ONE_OF = "must have exactly one of oneshot, periodic, hourly, daily, weekly, cron"


def problems(connector: str, event: str, parameters: Any) -> list[tuple[str, str]]:
    found = subscription_problems(connector, event, parameters, POINTER)
    assert all(problem.pointer.startswith(POINTER) for problem in found)
    return [(problem.pointer.removeprefix(POINTER), problem.reason) for problem in found]


def test_there_are_seven_connectors():
    assert sorted(CONNECTORS) == ["alert", "command", "custom", "dataset", "github", "time", "webhook"]
    assert event_names("time") == {"tick"} and event_names("custom") is None


@pytest.mark.parametrize(
    "connector, event, parameters",
    [
        ("custom", "anything_goes-1", {}),
        ("webhook", "stripe", {}),
        ("dataset", "logs-that-do-not-exist-yet", {}),
        ("dataset", "logs", {"rate_limit": {"events": 1, "seconds": 1}}),
        ("dataset", "logs", {"rate_limit": {"events": 5.0, "seconds": 3600}}),
        ("github", "push", {"organization": "exograd"}),
        ("github", "raw", {"organization": "exograd", "repository": "eventline"}),
        ("time", "tick", {"oneshot": "2021-10-15T15:07:39Z"}),
        ("time", "tick", {"oneshot": "2021-10-15T15:07:39.123456789+02:00", "hourly": None}),
        ("time", "tick", {"periodic": 30}),
        ("time", "tick", {"periodic": 86400}),
        ("time", "tick", {"hourly": {}}),
        ("time", "tick", {"hourly": {"minute": 59, "second": 0}}),
        ("time", "tick", {"daily": {"hour": 23}}),
        ("time", "tick", {"weekly": {"day": "sunday", "hour": 0, "minute": 0, "second": 59}}),
        ("time", "tick", {"cron": {"expression": "*/5 8-18 * * mon-fri"}}),
        ("time", "tick", {"cron": {"expression": "0 0 L * *", "time_zone": "America/St_Johns"}}),
        ("time", "tick", {"cron": {"expression": "0 0 29 2 *", "time_zone": "UTC"}}),
    ],
)
def test_right_subscriptions(connector: str, event: str, parameters: Any):
    assert problems(connector, event, parameters) == []


@pytest.mark.parametrize(
    "connector, event, parameters, expected",
    [
        ("slack", "x", {}, [("/connector", "must be one of custom, dataset, github, time, webhook")]),
        ("command", "execution", {}, [("/connector", "can't start triggers")]),
        ("custom", "No Name", {}, [("/event", "must be a name: a-z, 0-9, '-' and '_'")]),
        ("dataset", "", {}, [("/event", "must be a name: a-z, 0-9, '-' and '_'")]),
        ("time", "tock", {"periodic": 30}, [("/event", "must be one of tick")]),
        ("custom", "x", {"a": 1}, [("/parameters", "member 'a' is unknown")]),
        ("custom", "x", [], [("/parameters", "must be a JSON object")]),
        ("webhook", "x", {"a": 1}, [("/parameters", "member 'a' is unknown")]),
        ("github", "push", {}, [("/parameters", "member 'organization' is missing")]),
        ("github", "push", {"organization": ""}, [("/parameters/organization", "must not be empty")]),
        ("github", "push", {"organization": "x" * 101}, [("/parameters/organization", TOO_LONG)]),
        ("github", "push", {"organization": "a", "repository": 1}, [("/parameters/repository", "must be a string")]),
        ("dataset", "logs", {"rate_limit": 5}, [("/parameters/rate_limit", "must be a JSON object")]),
        ("dataset", "logs", {"rate_limit": {"events": 1}}, [("/parameters/rate_limit", "member 'seconds' is missing")]),
        (
            "dataset",
            "logs",
            {"rate_limit": {"events": 0, "seconds": True}},
            [
                ("/parameters/rate_limit/events", "must be from 1 to 1000000000"),
                ("/parameters/rate_limit/seconds", "must be an integer"),
            ],
        ),
        ("time", "tick", {}, [("/parameters", ONE_OF)]),
        ("time", "tick", {"periodic": 30, "hourly": {}}, [("/parameters", ONE_OF)]),
        ("time", "tick", {"yearly": {}}, [("/parameters", "member 'yearly' is unknown"), ("/parameters", ONE_OF)]),
        ("time", "tick", {"periodic": 29}, [("/parameters/periodic", "must be from 30 to 86400")]),
        ("time", "tick", {"periodic": 86401}, [("/parameters/periodic", "must be from 30 to 86400")]),
        ("time", "tick", {"periodic": "60"}, [("/parameters/periodic", "must be an integer")]),
        ("time", "tick", {"oneshot": "2021-10-15"}, [("/parameters/oneshot", NO_DATE)]),
        ("time", "tick", {"oneshot": 5}, [("/parameters/oneshot", NO_DATE)]),
        ("time", "tick", {"hourly": {"minute": 60}}, [("/parameters/hourly/minute", "must be from 0 to 59")]),
        ("time", "tick", {"hourly": {"hour": 1}}, [("/parameters/hourly", "member 'hour' is unknown")]),
        ("time", "tick", {"daily": {"hour": 24}}, [("/parameters/daily/hour", "must be from 0 to 23")]),
        ("time", "tick", {"weekly": {}}, [("/parameters/weekly", "member 'day' is missing")]),
        ("time", "tick", {"cron": {}}, [("/parameters/cron", "member 'expression' is missing")]),
        ("time", "tick", {"cron": "* * * * *"}, [("/parameters/cron", "must be a JSON object")]),
    ],
)  # fmt: skip
def test_wrong_subscriptions(connector: str, event: str, parameters: Any, expected: list[tuple[str, str]]):
    assert problems(connector, event, parameters) == expected


@pytest.mark.parametrize(
    "expression, reason",
    [
        ("* * * *", "must have five fields: minute, hour, day of the month, month, weekday"),
        ("* * * * * *", "must have five fields: minute, hour, day of the month, month, weekday"),
        ("60 * * * *", "must be a cron expression: bad minute"),
        ("* * * * mon-xyz", "must be a cron expression: bad day-of-week"),
        ("0 0 30 2 *", "must be a cron expression: bad day-of-month"),
        ("0 0 */31 * mon#2", "has no match in the next 50 years"),
        ("*/0 * * * *", "must be a cron expression: bad minute"),
        ("*/80 * * * *", "must not have a step of more than 59 for the minute"),
        ("*/60 * * * *", "must not have a step of more than 59 for the minute"),
        ("0,5-20/99 * * * *", "must not have a step of more than 59 for the minute"),
        ("0 */24 * * *", "must not have a step of more than 23 for the hour"),
        ("x" * 201, "must have at most 200 characters"),
    ],
)
def test_wrong_cron_expressions(expression: str, reason: str):
    parameters = {"cron": {"expression": expression}}

    assert problems("time", "tick", parameters) == [("/parameters/cron/expression", reason)]


@pytest.mark.parametrize(
    "name",
    [
        *("Europe/Atlantis", "Europe", "../../etc/passwd", "/etc/localtime", "\0", "é", "utc+1"),
        *("localtime", "Factory", "posixrules", "right/UTC", "posix/Europe/Paris"),
    ],
)
def test_wrong_time_zones(name: str):
    found = problems("time", "tick", {"cron": {"expression": "* * * * *", "time_zone": name}})

    assert found == [("/parameters/cron/time_zone", "must be a time zone known here, like Europe/Paris")]


RAW = {"delivery_id": "1", "event_type": "star", "event": {"repository": {"name": "Site", "owner": {"login": "acme"}}}}


@pytest.mark.parametrize(
    "parameters, data, expected",
    [
        ({"organization": "acme"}, {"organization": "acme"}, True),
        ({"organization": "acme"}, {"organization": "Acme"}, True),
        ({"organization": "acme"}, {"organization": "other"}, False),
        ({"organization": "acme"}, {}, True),
        ({"organization": "acme"}, {"organization": 5}, True),
        ({"organization": "acme", "repository": "site"}, {"organization": "acme", "repository": "Site"}, True),
        ({"organization": "acme", "repository": "site"}, {"organization": "acme", "repository": "api"}, False),
        ({"organization": "acme", "repository": "site"}, {"organization": "acme"}, True),
        ({"organization": "acme"}, RAW, True),
        ({"organization": "other"}, RAW, False),
        ({"organization": "acme", "repository": "api"}, RAW, False),
        ({"organization": "other"}, {"event": {"organization": {"login": "acme"}}}, False),
        ({"organization": "other"}, {"event": {"organization": None, "repository": 1}}, True),
    ],
)
def test_github_events_concern_what_the_parameters_name(parameters, data, expected):
    assert concerns("github", parameters, data) is expected


def test_other_connectors_do_not_look_at_data():
    assert concerns("dataset", {"rate_limit": {"events": 1, "seconds": 1}}, {"rate_limit": 5})
