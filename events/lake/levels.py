"""Levels as loggers write them, read as one of trace, debug, info, warn, error and fatal; other text in lower case."""

LEVELS = ("trace", "debug", "info", "warn", "error", "fatal")
SPELLINGS = {
    "trace": "verbose finest finer silly",
    "debug": "dbg fine config d",
    "info": "information informational notice log i",
    "warn": "warning wrn w",
    "error": "err severe e",
    "fatal": "critical crit emergency emerg alert panic dpanic f c",
}
_LEVEL_OF = {spelling: level for level, spellings in SPELLINGS.items() for spelling in spellings.split()}
_MAP = ", ".join(f"'{spelling}': '{level}'" for spelling, level in _LEVEL_OF.items())
_IS_KNOWN = " OR ".join(f"t = '{level}'" for level in LEVELS)  # IN would become a join
_NUMBER = "regexp_full_match(t, '[0-9]{1,3}(\\.0+)?')"


def _steps(*ends: tuple[int, str]) -> str:
    """Return the SQL that finds the first level whose end isn't below the number `n`."""
    return "CASE " + " ".join(f"WHEN n <= {end} THEN '{level}'" for end, level in ends) + " END"


_SYSLOG = _steps((2, "fatal"), (3, "error"), (4, "warn"), (6, "info"), (7, "debug"))
_PINO = _steps((9, ""), (19, "trace"), (29, "debug"), (39, "info"), (49, "warn"), (59, "error"), (99, "fatal"))
_MONOLOG = _steps((199, "debug"), (299, "info"), (399, "warn"), (499, "error"), (999, "fatal"))
_GCP = _steps((99, ""), (199, "debug"), (399, "info"), (499, "warn"), (599, "error"), (999, "fatal"))
_OTEL = _steps((0, ""), (4, "trace"), (8, "debug"), (12, "info"), (16, "warn"), (20, "error"), (24, "fatal"))
_PYTHON = _steps((9, "trace"), (19, "debug"), (29, "info"), (39, "warn"), (49, "error"), (999, "fatal"))
_SCALES = {
    "level_of": f"coalesce({_SYSLOG}, nullif({_PINO}, ''), {_MONOLOG})",
    "severity_level": f"coalesce({_SYSLOG}, nullif({_GCP}, ''))",
    "syslog_level": _SYSLOG,
    "otel_level": f"nullif({_OTEL}, '')",
    "python_level": _PYTHON,
}

# slog writes a level between two others as INFO+2. A map is looked through from its start: the common ones come first.
MACROS = f"""
CREATE TEMP MACRO level_named(t) AS coalesce(
    MAP {{{_MAP}}}[lower(t)],
    CASE WHEN regexp_full_match(t, '[A-Z]+[+-][0-9]+') THEN lower(regexp_extract(t, '[A-Z]+')) END,
    lower(t));
""" + "".join(
    f"""
CREATE TEMP MACRO {name}_number(n) AS {scale};
CREATE TEMP MACRO {name}(t) AS CASE
    WHEN {_IS_KNOWN} THEN t
    WHEN {_NUMBER} THEN coalesce({name}_number(CAST(CAST(t AS DOUBLE) AS INTEGER)), t)
    ELSE level_named(t) END;
"""
    for name, scale in _SCALES.items()
)
