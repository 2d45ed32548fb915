"""The columns of the lake's tables, and the SQL that reads an event's well-known fields into them.

The SQL has to be total: one strange event must never fail the batch it stands in. What the parser refuses
gets NULL for `fields`, and the sealer sets it aside. Numbers are written as DuckDB writes them (1.0e2 is
100.0); `event` keeps the event's own text. All text is guarded (see guard.py).
"""

from events.lake import guard

EVENT_COLUMNS = {
    "id": "UUID",
    "received_time": "TIMESTAMPTZ",
    "event_time": "TIMESTAMPTZ",
    "namespace": "VARCHAR",
    "service": "VARCHAR",
    "level": "VARCHAR",
    "message": "VARCHAR",
    "request_id": "VARCHAR",
    "trace_id": "VARCHAR",
    "duration": "DOUBLE",
    "error": "VARCHAR",
    "event": "VARCHAR",
}

SEALED_FILE_COLUMNS = {
    "name": "VARCHAR",
    "node": "VARCHAR",
    "sealed_time": "TIMESTAMPTZ",
    "events": "BIGINT",
    "bytes": "BIGINT",
}

QUARANTINE_COLUMNS = {
    "id": "UUID",
    "received_time": "TIMESTAMPTZ",
    "quarantined_time": "TIMESTAMPTZ",
    "dataset_id": "VARCHAR",
    "namespace": "VARCHAR",
    "service": "VARCHAR",
    "reason": "VARCHAR",
    "event": "BLOB",
}

# One json_transform for all of them: extracting path by path took twice the time. VARCHAR is a string's text
# and any other value's JSON; a null is NULL. `duration` must be a number, and only its JSON tells 12 from "12".
_FIELDS = (
    '{"timestamp":"VARCHAR","@timestamp":"VARCHAR","time":"VARCHAR","level":"VARCHAR","message":"VARCHAR",'
    '"service":"VARCHAR","requestId":"VARCHAR","traceId":"VARCHAR","duration":"JSON","error":"VARCHAR"}'
)


def _fields(text: str) -> str:
    return f"TRY(json_transform({text}, '{_FIELDS}'))"


FIELDS = _fields("last_first(event)")

_SECONDS_BELOW = 10**11  # the year 5138; a greater number is milliseconds
_MILLISECONDS_BELOW = 10**14
_MICROSECONDS_BELOW = 10**17
_NANOSECONDS_BELOW = 2**63  # the year 2262; a greater number is no time
_YEAR_1, _YEAR_9999_END = -62_135_596_800_000_000, 253_402_300_799_999_999
_RFC_3339 = r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])"

# Written with BETWEEN because abs() of the smallest BIGINT is an error. A leap second becomes the second before it.
# Of a key that stands twice in an object the last one counts, and json_transform takes the first: `last_first` turns
# the order of such an object's members round.
MACROS = f"""{guard.MACROS}
CREATE TEMP MACRO whole_to_us(n) AS CASE
    WHEN n BETWEEN {1 - _SECONDS_BELOW} AND {_SECONDS_BELOW - 1} THEN n * 1000000
    WHEN n BETWEEN {1 - _MILLISECONDS_BELOW} AND {_MILLISECONDS_BELOW - 1} THEN n * 1000
    WHEN n BETWEEN {1 - _MICROSECONDS_BELOW} AND {_MICROSECONDS_BELOW - 1} THEN n
    ELSE n // 1000 END;
CREATE TEMP MACRO fraction_to_us(x) AS TRY_CAST(round(CASE
    WHEN abs(x) < {_SECONDS_BELOW} THEN x * 1e6
    WHEN abs(x) < {_MILLISECONDS_BELOW} THEN x * 1e3
    WHEN abs(x) < {_MICROSECONDS_BELOW} THEN x
    WHEN abs(x) < {_NANOSECONDS_BELOW} THEN x / 1e3 END) AS BIGINT);
CREATE TEMP MACRO any_to_us(t) AS CASE
    WHEN regexp_full_match(t, '-?[0-9]{{1,19}}') THEN whole_to_us(TRY_CAST(t AS BIGINT))
    WHEN regexp_full_match(t, '-?[0-9]+(\\.[0-9]+)?([eE][-+]?[0-9]+)?') THEN fraction_to_us(TRY_CAST(t AS DOUBLE))
    WHEN regexp_full_match(upper(t), '{_RFC_3339}')
    THEN epoch_us(TRY_CAST(replace(upper(t), ':60', ':59') AS TIMESTAMPTZ)) END;
CREATE TEMP MACRO is_doubled(names) AS len(list_distinct(names)) < len(names);
CREATE TEMP MACRO last_first(object) AS CASE WHEN is_doubled(json_keys(object)) THEN
    '{{' || array_to_string(list_reverse(list_transform(
        list_zip(json_keys(object), json_extract(object, '$.*')),
        lambda member: to_json(member[1])::VARCHAR || ':' || member[2]::VARCHAR)), ',') || '}}'
    ELSE object END;
CREATE TEMP MACRO sane_us(us) AS CASE WHEN us BETWEEN {_YEAR_1} AND {_YEAR_9999_END} THEN us END;
CREATE TEMP MACRO finite(x) AS CASE WHEN isfinite(x) THEN x END;
"""


# What was read from an event that holds neither a word nor an escape needs no look of its own.
_RISKY = rf"contains(event, '\') OR regexp_matches(event, '{guard.PATTERN}')"


def _guarded(field: str) -> str:
    return f"CASE WHEN risky THEN guarded({field}) ELSE {field} END"


def converted(source: str) -> str:
    """Return the SELECT that turns rows of `source` (see arrow.event_table) into EVENT_COLUMNS.

    Its events have few sets of keys, and it is those that are searched for doubled ones: a tenth of sealing, where
    every event by itself would take a third. Times are computed in a SELECT of their own, as a macro repeats its
    argument wherever it names it.
    """
    doubled = f"SELECT bool_or(is_doubled(names)) FROM (SELECT DISTINCT TRY(json_keys(event)) AS names FROM {source})"
    fields = _fields("CASE WHEN some_doubled THEN last_first(event) ELSE event END")
    return f"""
        SELECT
            id,
            make_timestamptz(received_us) AS received_time,
            make_timestamptz(coalesce(sane_us(us1), sane_us(us2), sane_us(us3), received_us)) AS event_time,
            namespace,
            coalesce({_guarded("fields.service")}, nullif(service, '')) AS service,
            {_guarded("fields.level")} AS level,
            {_guarded("fields.message")} AS message,
            {_guarded("fields.requestId")} AS request_id,
            {_guarded("fields.traceId")} AS trace_id,
            finite(TRY_CAST(fields.duration::VARCHAR AS DOUBLE)) AS duration,
            {_guarded("fields.error")} AS error,
            {_guarded("event")} AS event
        FROM (
            SELECT *,
                any_to_us(fields."timestamp") AS us1, any_to_us(fields."@timestamp") AS us2,
                any_to_us(fields."time") AS us3
            FROM (
                SELECT *, {fields} AS fields, {_RISKY} AS risky
                FROM (SELECT *, ({doubled}) AS some_doubled FROM {source})
            )
        )
        WHERE fields IS NOT NULL"""
