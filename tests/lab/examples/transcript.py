"""A README's console blocks as what they are: commands, and what they say.

A line that begins with `$ ` is a command, lines that begin with `> ` go on with it, and the lines below are of what it
prints: each of them is in its output, in that order, with other lines in between or not; `…` stands for anything. A
command exits with 0, unless an error is among those lines. All of a README runs in one shell, as its reader would.
"""

import logging
import re
import subprocess
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path

BLOCK = re.compile(r"^```console\n(.*?)^```$", re.DOTALL | re.MULTILINE)
LOG = logging.getLogger(__name__)


@dataclass
class Command:
    """A command of a README, and the lines of its output that the README shows."""

    text: str
    shown: list[str] = field(default_factory=list)

    @property
    def fails(self) -> bool:
        return any("error" in line.lower() for line in self.shown)

    def missing(self, output: str) -> str | None:
        """The first line that is not in what the command printed."""
        lines = iter(output.splitlines())
        for shown in self.shown:
            wanted = re.compile(".*".join(map(re.escape, shown.split("…"))))
            if not any(wanted.search(line) for line in lines):
                return shown
        return None


def commands(readme: Path) -> list[Command]:
    found: list[Command] = []
    for block in BLOCK.findall(readme.read_text()):
        for line in block.splitlines():
            if line.startswith("$ "):
                found.append(Command(line[2:]))
            elif line.startswith("> "):
                found[-1].text += f"\n{line[2:]}"
            elif line.strip():
                found[-1].shown.append(line.strip())
    return found


def play(readme: Path, environment: dict[str, str], folder: Path) -> None:
    """Runs the README's commands in one shell; fails at the first that does not print what is shown."""
    mark = f"--- {uuid.uuid4().hex}"
    with subprocess.Popen(
        ["bash"],
        cwd=folder,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as shell:
        assert shell.stdin is not None
        assert shell.stdout is not None
        for command in commands(readme):
            begun = time.monotonic()
            shell.stdin.write(f"{{ {command.text}\n}} < /dev/null\ncode=$?; echo; echo '{mark}' $code\n")
            shell.stdin.flush()
            output = ""
            for line in shell.stdout:
                if line.startswith(mark):
                    code = int(line.removeprefix(mark))
                    break
                output += line
            else:
                raise AssertionError(f"the shell ended at: {command.text}\n{output}")
            LOG.info("%6.1f s  $ %s", time.monotonic() - begun, command.text)
            said = f"$ {command.text}\n{output}\nexit code {code}"
            assert command.missing(output) is None, f"not printed: {command.missing(output)}\n{said}"
            assert (code != 0) == command.fails, said
        shell.stdin.close()
