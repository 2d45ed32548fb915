"""Triggers on datasets: ingested events start pipelines, exactly once for each matching event.

    journal file ──▶ evaluate ──▶ TriggerMatch ──▶ fire ──▶ platform event, pipelines
                         │             │
                         └─ JournalProgress, in the same transaction

The watcher, a thread of the sealer's process, reads this node's journal files while they grow, skipping events of
datasets without triggers. Its matches and how far it read are committed together, and so are the end of a match and
what it started. A crash therefore neither loses nor duplicates one.

It first reads events and then queries triggers: whoever deploys a trigger and then sends an event can rely on it.
The sealer takes a file only after the watcher has reached its end (`TriggerWatcher.held_back`). It doesn't wait for
firing: a trigger that matches thousands of events a second fills a table, but doesn't stop the sealer.
"""
