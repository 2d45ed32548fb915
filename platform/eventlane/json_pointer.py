"""JSON pointers (RFC 6901)."""


def escape(member: object) -> str:
    """Return a member's name, or an index, as a part of a pointer."""
    return str(member).replace("~", "~0").replace("/", "~1")
