"""Explore: the console's page that shows events, those that a search finds in a time frame, charts and groups them.

`question.py` reads the address, `page.py` asks and shows, `parts.py` answers what the page loads later; the others
prepare what is shown.
"""
