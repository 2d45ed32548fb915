"""Clients that others publish, run as their users run them."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "platform"))  # for `python -m tests.clients`
