"""`make bench`: how fast this machine ingests, stores and seals events."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "platform"))
