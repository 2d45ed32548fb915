"""Every command in the README works as written, in order."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.automation import local_settings
from tests.server import ROOT, Server


def blocks(*sections: str) -> list[str]:
    """Return the blocks of these sections of README."""
    parts = dict(re.findall(r"^## (.+)\n([\s\S]+?)(?=^## |\Z)", (ROOT / "README.md").read_text(), re.MULTILINE))
    return [block for name in sections for block in re.findall(r"(?:^ {4}.*\n)+", parts[name], re.MULTILINE)]


@pytest.mark.slow
def test_blocks_of_readme_work_in_their_order(fresh_server, tmp_path: Path) -> None:
    server: Server = fresh_server(**local_settings())
    for name in (".venv", "manage.py"):
        (tmp_path / name).symlink_to(ROOT / name)
    environment = server.environment | {"KEY": server.keys["ingest"]}
    outputs = []
    for block in blocks("Send an event, see it", "Run a pipeline"):
        typed = re.sub("^    ", "", block, flags=re.MULTILINE).replace("127.0.0.1:8000", f"127.0.0.1:{server.port}")
        done = subprocess.run(
            ["bash", "-e", "-c", typed], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=90
        )
        assert done.returncode == 0, (typed, done.stdout, done.stderr)
        outputs.append(done.stdout)
    assert "Hello, Eventlane" in outputs[0] and "Hello, reader" in outputs[1]
    server.wait_until(lambda: "trigger errors" in server.manage("pipelines").stdout, "the trigger fires")
    server.wait_until(lambda: server.manage("pipelines").stdout.count("successful") == 2, "its pipeline succeeds")
