"""Exercises on what must never lose an event, each on its own scratch platform: `manage.py drill`."""
