"""`make bench`: how fast this machine takes events in, keeps them, and seals them."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "platform"))
