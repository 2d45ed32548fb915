"""Check everything that Eventlane depends on, and say what is wrong and what to do about it."""
