"""The published clients in JavaScript: npm's packages, installed once for each tests/clients/npm/package-lock.json."""

import fcntl
import hashlib
import json
import shutil
import subprocess
from pathlib import Path

from tests.clients.missing import CACHE, missing
from tests.server import ROOT

SOURCE = ROOT / "tests" / "clients" / "npm"
LOCK = SOURCE / "package-lock.json"
OLDEST_NODE = 18
INSTALL = ["npm", "ci", "--ignore-scripts", "--omit=peer", "--no-audit", "--no-fund", "--silent"]
INSTALL_SECONDS = 200


def version_of(package: str) -> str:
    """Return the version of a package that the lock names."""
    version: str = json.loads(LOCK.read_text())["packages"][f"node_modules/{package}"]["version"]
    return version


def programs_in(folder: Path) -> Path:
    """Put our programs into an empty folder from where they find the packages, and return it. Skips without npm."""
    modules = _installed() / "node_modules"
    for file in SOURCE.iterdir():
        shutil.copy(file, folder)
    (folder / "node_modules").symlink_to(modules)
    return folder


def _installed() -> Path:
    """Return the folder with the packages, installed if need be: 250 MB, half a minute."""
    _require_npm()
    CACHE.mkdir(parents=True, exist_ok=True)
    folder = CACHE / f"npm-{hashlib.sha256(LOCK.read_bytes()).hexdigest()[:16]}"
    with (CACHE / "npm.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            _install(folder)
    return folder


def _install(folder: Path) -> None:
    new = folder.with_suffix(".new")
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir()
    for name in ("package.json", "package-lock.json"):
        shutil.copy(SOURCE / name, new)
    try:
        subprocess.run(INSTALL, cwd=new, check=True, timeout=INSTALL_SECONDS)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        missing("packages of npm's registry", str(error))
    new.rename(folder)


def _require_npm() -> None:
    if not (shutil.which("node") and shutil.which("npm")):
        missing("Node.js and npm", "apt install nodejs npm")
    version = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout.strip()
    if int(version.lstrip("v").split(".")[0]) < OLDEST_NODE:
        missing(f"Node.js {OLDEST_NODE} (this is {version})", "apt install nodejs")
