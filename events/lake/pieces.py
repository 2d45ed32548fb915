"""An event's text in pieces: what a column holds anyway isn't stored a second time.

Of the text `{"message":"paid by card","traceId":"4bf92f35…"}`, `event` holds `{"message":"`, `after_message` holds
`","traceId":"`, and `after_trace_id` the rest. WHOLE puts them together again. Where a piece is NULL, the text before
it has no gap, as in files of earlier versions. Only readers of the text take notice of it.

A text is only ever taken apart where what is put together is the same to the last byte.
"""

from events.lake.guard import GUARD

# What stands after a column's value in the text. A message comes before ids, or after them.
PIECES = {
    "after_message": "message",
    "after_request_id": "request_id",
    "after_trace_id": "trace_id",
    "after_span_id": "span_id",
    "after_late_message": "message",
}
LEAST = 8  # bytes: a shorter value isn't worth a gap
# Bytes of a text that is taken apart. To find a value may take the product of both lengths, if they are made for that;
# and all of this takes several times the texts' size in memory, which DuckDB doesn't count.
MOST = 8192

WHOLE = f"""concat(event, {
    ", ".join(f"CASE WHEN {piece} IS NOT NULL THEN {name} END, {piece}" for piece, name in PIECES.items())
})"""


def in_pieces(source: str, least: int = LEAST) -> str:
    """Return the SELECT of a source's rows with their texts in pieces; they have EVENT_COLUMNS, and whole texts.

    Values of fewer bytes than `least` leave no gap, nor do those of texts of more than MOST. `rest0` is the text, and
    each value makes `left…` and `rest…` of the rest before it, or leaves it as it is.
    """
    rows = f"SELECT *, event AS rest0 FROM ({source})"
    for number, name in enumerate(PIECES.values(), 1):
        rows = _split(rows, number, name, least)
    pieces = {name: f"CASE WHEN cut{number} THEN {_up_to_next(number)} END" for number, name in enumerate(PIECES, 1)}
    found = "".join(f", {sql} AS {name}" for name, sql in pieces.items())
    rows = f"SELECT *, event AS text{found} FROM ({rows})"
    rows = f"SELECT * REPLACE ({_up_to_next(0)} AS event) FROM ({rows})"
    rows = f"SELECT *, {WHOLE} = text AND NOT starts_with(text, chr({ord(GUARD)})) AS fits FROM ({rows})"
    taken = ", ".join(f"CASE WHEN fits THEN {name} END AS {name}" for name in PIECES)
    numbered = [f"{name}{number}" for name in ("left", "cut", "rest") for number in range(1, len(PIECES) + 1)]
    others = ", ".join(["rest0", *numbered, "text", "fits"])
    event = "CASE WHEN fits THEN event ELSE text END AS event"
    return f"SELECT * EXCLUDE ({others}) REPLACE ({event}, {taken}) FROM ({rows})"


def _split(rows: str, number: int, name: str, least: int) -> str:
    """Return rows with what is left and right of a value that stands in the rest of the text, and only once."""
    rest = f"rest{number - 1}"
    worth_it = f"strlen({name}) >= {least} AND strlen(rest0) <= {MOST}"
    rows = f"SELECT *, CASE WHEN {worth_it} THEN string_split({rest}, {name}) END AS parts FROM ({rows})"
    is_cut = "coalesce(len(parts) = 2, false)"
    if number == 1:
        ids = [other for other in PIECES.values() if other != name]
        is_cut += "".join(f" AND NOT coalesce(contains(parts[1], {other}), false)" for other in ids)
    rows = f"SELECT *, {is_cut} AS cut{number} FROM ({rows})"
    return (
        f"SELECT * EXCLUDE (parts), CASE WHEN cut{number} THEN parts[1] END AS left{number},"
        f" CASE WHEN cut{number} THEN parts[2] ELSE {rest} END AS rest{number} FROM ({rows})"
    )


def _up_to_next(number: int) -> str:
    """Return the text from one gap to the next, or to the end."""
    following = [f"left{other}" for other in range(number + 1, len(PIECES) + 1)]
    return f"coalesce({', '.join([*following, f'rest{len(PIECES)}'])})"
