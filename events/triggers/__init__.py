"""Triggers on datasets: what is ingested starts pipelines, each matching event exactly once.

    journal file ──▶ evaluate ──▶ TriggerMatch ──▶ fire ──▶ platform event, pipelines
                         │             │
                         └─ JournalProgress, in the same transaction

The watcher, a thread of the sealer's process, reads this node's journal files while they grow, past events of
datasets without triggers. What it found and how far it read are committed together; so is a match's end with what it
started. So a crash anywhere neither loses nor doubles one.

It reads first and asks for the triggers then: whoever deploys a trigger and sends an event behind it can rely on it.
The sealer lets go of a file only when the watcher has been to its end (`TriggerWatcher.held_back`). Firing has no
part in that: a trigger that matches thousands of events a second fills a table, it doesn't stop the sealer.
"""
