"""The door: how every request comes in. An event loop reads bodies, threads work on what has come whole.

    connection ── granian (HTTP/1.1) ── application.py ─┬─ body.py    deadline, least rate, limit, room for all bodies
                                                        ├─ lanes.py   threads apart for ingest, platform API, console
                                                        └─ django.py  Django's WSGI application, given a whole body

Whoever sends slowly costs a waiting coroutine, not a thread; and no kind of request can take another's threads. The
Events API (events/ingest/views.py) is answered in the event loop itself, threads help where something takes long.
"""
