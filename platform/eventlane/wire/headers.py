"""Headers that are the same for every request."""

# For every reply except static files: browsers must not guess its type, and nobody may store it.
EVERY_ANSWER = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}
