"""The door: how every request comes in. An event loop reads bodies; threads work on complete requests.

    connection ── granian (HTTP/1.1) ── application.py ─┬─ body.py    deadline, minimum rate, limit, room for all bodies
                                                        ├─ lanes.py   separate threads for each kind of request
                                                        └─ django.py  Django's WSGI application, given a complete body

A slow sender occupies a waiting coroutine, not a thread, and no kind of request can use up another's threads. The
Events API (events/ingest/views.py) is answered in the event loop itself; threads do what would block it.
"""
