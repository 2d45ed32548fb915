"""Syslog over TCP, TLS and UDP: a process of its own that sends the lines it gets to our Events API.

    TCP, TLS ── frames.py ──┬─ lines.py ── relay.py ── POST /v1/<dataset> ── the journal
    UDP ────────────────────┘  (events)    (batches)

Checks, limits and the ledger are those of every other sender, and a line counts as taken when it is on disk.
"""
