"""Tails: streams of a dataset's new events, as server-sent events (docs/query.md).

    journal ──▶ news.py ──▶ matching.py ──▶ tail.py ──▶ the door's event loop ──▶ clients
               what is new   which lines     one client's
               in its files  find what       queue, bounded

One thread of the process (`hub.py`) does this for all of its tails: it reads the journal once, converts the new events
of all datasets that have tails together, and asks each search line once, however many tails share it. What DuckDB does
of this, nearly all of the work, it does in a process of its own, which gives way to ingest. A tail itself is
a coroutine. It holds no thread, no connection to PostgreSQL and no query slot; only going on after `Last-Event-ID`
(`catch_up.py`), or from what a page of Explore shows (`newest.py`), asks as any reader does.

The thread rests three times as long as both work, so they take a quarter of a core at most. All tails share a budget of
bytes in each second and of bytes in memory. A tail that finds more than its share, or whose client is too slow, loses
events and is told how many. Nobody else waits for it.
"""
