"""Headers that don't depend on the request."""

# What every answer that isn't a static file carries: its type is what it says, and nobody keeps it.
EVERY_ANSWER = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}
