"""Dashboards in the console: the list, a page with panels that load one by one, and the editor.

`frame.py` reads the address, `widgets.py` asks what a widget shows, `page.py` has the pages.
"""
