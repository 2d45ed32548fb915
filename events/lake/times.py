"""Times as loggers write them, read as microseconds since 1970; what can't be read is NULL."""

_SECONDS_BELOW = 10**11  # the year 5138; a greater number is milliseconds
_MILLISECONDS_BELOW = 10**14
_MICROSECONDS_BELOW = 10**17
_NANOSECONDS_BELOW = 2**63  # the year 2262; a greater number is no time
_YEAR_1, _YEAR_9999_END = -62_135_596_800_000_000, 253_402_300_799_999_999
_ZONE = "(?:[01][0-9]|2[0-3])(?::?[0-5][0-9])?"
_CLOCK = "[0-9]{2}:[0-5][0-9]:[0-6][0-9]"
_ISO = rf"([0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}})[Tt ]({_CLOCK})(?:[.,]([0-9]+))?(?: ?(?:[Zz]|UTC|GMT|([+-]{_ZONE})))?"
_USUAL = rf"[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}[T ][0-9]{{2}}:[0-5][0-9]:[0-5][0-9]([.,][0-9]+)?(Z|[+-]{_ZONE})?"

# Written with BETWEEN because abs() of the smallest BIGINT is an error. A leap second becomes the second before it.
# What is no time by the pattern becomes a text that can't be cast. As little SQL as possible, and the usual first: a
# macro repeats its arguments, and planning all of it takes longer than converting a thousand events.
MACROS = rf"""
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
CREATE TEMP MACRO iso_to_us(t) AS epoch_us(TRY_CAST(
    regexp_replace(regexp_replace(t, '^(.{{16}}):60', '\1:59'), '(?s)^(?:{_ISO}|.*)$', '\1 \2.\30\4')
    AS TIMESTAMPTZ));
CREATE TEMP MACRO dated_to_us(t) AS
    epoch_us(coalesce(try_strptime(t, '%d %b %Y %H:%M:%S %z'), try_strptime(t, '%d %b %Y %H:%M %z')));
CREATE TEMP MACRO parts_to_us(t) AS
    CAST(coalesce(json_extract_string(t, '/seconds'), json_extract_string(t, '/epochSecond')) AS BIGINT) * 1000000
    + CAST(coalesce(json_extract_string(t, '/nanos'), json_extract_string(t, '/nanoOfSecond'), '0') AS BIGINT) // 1000;
CREATE TEMP MACRO any_to_us(t) AS CASE
    WHEN regexp_full_match(t, '{_USUAL}') THEN epoch_us(TRY_CAST(replace(t, ',', '.') AS TIMESTAMPTZ))
    WHEN t LIKE '____-__-__%' THEN iso_to_us(t)
    WHEN regexp_full_match(t, '-?[0-9]{{1,19}}') THEN whole_to_us(TRY_CAST(t AS BIGINT))
    WHEN regexp_full_match(t, '-?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]+)?') THEN fraction_to_us(TRY_CAST(t AS DOUBLE))
    WHEN starts_with(t, '{{') THEN TRY(parts_to_us(last_first(t)))
    WHEN substring(t, 3, 1) = '/' THEN epoch_us(try_strptime(replace(t, ':60 ', ':59 '), '%d/%b/%Y:%H:%M:%S %z'))
    WHEN contains(t, ':')
    THEN dated_to_us(regexp_replace(regexp_replace(t, '^[A-Za-z]+, ', ''), '(GMT|UTC?|Z)$', '+0000')) END;
CREATE TEMP MACRO sane_us(us) AS CASE WHEN us BETWEEN {_YEAR_1} AND {_YEAR_9999_END} THEN us END;
CREATE TEMP MACRO first_time(found) AS first_of(list_transform(found, lambda value: sane_us(any_to_us(value))));
"""
