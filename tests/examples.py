"""How much random input a property test tries."""

from hypothesis import settings

NIGHTLY_FACTOR = 20


def examples(usually: int) -> int:
    """Return the number of examples: the given one, or many times that in `make nightly`."""
    return usually * NIGHTLY_FACTOR if settings.get_current_profile_name() == "nightly" else usually
