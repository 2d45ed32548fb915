"""Exercises in what must never lose an event, each on a scratch platform of its own: `manage.py drill`."""
