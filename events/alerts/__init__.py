"""Alerts: questions that are asked again and again, and what happens when the answer is beyond a threshold.

See docs/alerts.md. `spec.py` says what an alert looks like, `evaluate.py` asks, `due.py` decides when and by whom, and
`record.py` keeps what came of it.
"""
