"""What another user of this machine can reach of the tests' folders."""

import os
import subprocess
import sys

import pytest

from eventlane.configuration import ROOT

NOBODY = 65534


def _python_for_nobody() -> str:
    """Return an interpreter that `nobody` can run with our packages; empty when there is none.

    The one of the virtual environment may lie behind a closed folder (a pyenv in /root); then the system's of the
    same version will do, given our sys.path.
    """
    if os.geteuid() != 0:
        return ""
    system = f"/usr/bin/python{sys.version_info.major}.{sys.version_info.minor}"
    for python in (sys.executable, system):
        try:
            subprocess.run(
                [python, "-c", "import django, psycopg, granian, eventlane"],
                env={"PYTHONPATH": os.pathsep.join([str(ROOT / "platform"), *sys.path])},
                cwd="/",
                user=NOBODY,
                group=NOBODY,
                extra_groups=[],
                check=True,
                capture_output=True,
            )
        except (OSError, subprocess.CalledProcessError):
            continue
        return python
    return ""


PYTHON_FOR_NOBODY = _python_for_nobody()
nobody = pytest.mark.skipif(not PYTHON_FOR_NOBODY, reason="not root, or no Python that the user nobody can reach")
