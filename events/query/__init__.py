"""Ask the events of a project: a query is read and checked, compiled to SQL, run, and answered.

    body.py, search.py ─▶ model.py ─▶ compiled.py (paths, filters, calculations, series) ─▶ run.py ─▶ answer.py

docs/query.md explains what a query can ask for.
"""
