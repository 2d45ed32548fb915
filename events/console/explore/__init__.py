"""Explore: the console's page that shows events, those that a search finds in a time frame, and charts them.

`question.py` reads the address, `page.py` asks and shows; `bars.py`, `event_text.py` and `terms.py` prepare what it
shows.
"""
