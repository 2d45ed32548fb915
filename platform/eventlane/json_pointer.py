"""JSON pointers (RFC 6901)."""


def escape(member: object) -> str:
    """Return a member's name, or an index, as a part of a pointer."""
    return str(member).replace("~", "~0").replace("/", "~1")


def members(pointer: str) -> list[str]:
    """Return the names and indexes of a pointer."""
    return [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]
