"""Turns what other services send to a project's hooks into platform events."""
