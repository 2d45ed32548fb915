"""Fills the lake of a platform with events of about 300 bytes, spread over the last day, without sending them.

Run as a process of that platform: `python -m tests.events.console.explore.fill_lake DATASET COUNT`.
"""

import sys
import time
from string import Template

import django

PART = 500_000  # events a file
DAY_US = 86_400_000_000
WORDS = ["account", "cache", "customer", "delivery", "gateway", "invoice", "job", "order", "payment", "queue", "upload"]
COLUMNS = (
    "id, received_time, event_time, namespace, service, level, message, request_id, trace_id, duration, event, reading"
)
# The event's own text is as senders write it; the columns are what sealing would read from it.
EVENTS = Template("""
    SELECT
        concat(substr(lpad(to_hex(us // 1000), 12, '0'), 1, 12), '7000', '8', lpad(to_hex(n), 15, '0'))::UUID,
        make_timestamptz(us), make_timestamptz(us), 'web', service, level, message, request, trace, duration,
        concat('{"timestamp":"', strftime(make_timestamptz(us), '%Y-%m-%dT%H:%M:%S.%fZ'), '","level":"', level,
            '","service":"', service, '","message":"', message, '","requestId":"', request, '","traceId":"', trace,
            '","duration":', duration, ',"http":{"method":"GET","status":', status, ',"path":"/v1/', word, '/', n,
            '"},"user":{"id":', n * 7919 % 100000, '}}'),
        $reading
    FROM (
        SELECT n, us, status, word, md5(n::VARCHAR) AS trace, md5((-n)::VARCHAR) AS request,
            ['api', 'web', 'billing', 'auth'][1 + n % 4] AS service,
            CASE WHEN chance < 0.8 THEN 'info' WHEN chance < 0.9 THEN 'debug' WHEN chance < 0.96 THEN 'warn'
                ELSE 'error' END AS level,
            round(-50 * ln(1 - chance), 3) AS duration,
            concat(word, ' of ', word, ' ', n, ' took ', round(chance * 1000), ' of its time in ', status) AS message
        FROM (
            SELECT n, $start_us + n * $day_us // $count AS us, hash(n) / 18446744073709551616.0 AS chance,
                $words[1 + (hash(n + 1) % len($words))::BIGINT] AS word, [200, 200, 200, 404, 500][1 + n % 5] AS status
            FROM range($first, $stop) AS numbers(n)
        )
    )""")


def main(dataset_name: str, count: int) -> None:
    """Insert so many events, a part in a transaction."""
    from events.lake.columns import READING
    from events.lake.connection import Lake, commit, event_table_name
    from events.models import Dataset

    table = Dataset.objects.get(name=dataset_name).table_name
    start_us = time.time_ns() // 1000 - DAY_US
    given = {"start_us": start_us, "day_us": DAY_US, "count": count, "words": WORDS, "reading": READING}
    with Lake() as lake:
        lake.create_event_table(table)
        for first in range(0, count, PART):
            events = EVENTS.substitute(given, first=first, stop=min(first + PART, count))
            commit(
                lake, lambda events=events: lake.execute(f"INSERT INTO {event_table_name(table)} ({COLUMNS}) {events}")
            )


if __name__ == "__main__":
    django.setup()
    main(sys.argv[1], int(sys.argv[2]))
