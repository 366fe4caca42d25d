"""The commands of a README's console blocks, and the output that the README shows.

A line that begins with `$ ` is a command, and lines that begin with `> ` continue it. The lines below are of its
output: the command must print each of them in that order, with or without other lines in between; `…` stands for any
text. Steps of the engine (`+`, `~`, `-` or `=` and a type) may come in any order, as it runs them in parallel. A
command must exit with 0, unless one of those lines contains an error or ✘. All commands of a README run in one shell.
"""

import logging
import re
import subprocess
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path

BLOCK = re.compile(r"^```console\n(.*?)^```$", re.DOTALL | re.MULTILINE)
STEP = re.compile(r"[+~=-] +[\w-]+:[\w/.-]+")
LOG = logging.getLogger(__name__)


@dataclass
class Command:
    """A command of a README, with the lines of its output that the README shows."""

    text: str
    shown: list[str] = field(default_factory=list)

    @property
    def is_expected_to_fail(self) -> bool:
        # ✘ is the mark of a broken link in the output of eks-access.
        return any("error" in line.lower() or "✘" in line for line in self.shown)

    def missing(self, output: str) -> str | None:
        """Return the first line of the README that the command did not print."""
        lines = output.splitlines()
        rest = iter(lines)
        for shown in self.shown:
            pattern = re.compile(".*".join(map(re.escape, shown.split("…"))))
            if not any(pattern.search(line) for line in (lines if STEP.match(shown) else rest)):
                return shown
        return None


def commands(readme: Path) -> list[Command]:
    """Return the commands of a README's console blocks."""
    parsed: list[Command] = []
    for block in BLOCK.findall(readme.read_text()):
        for line in block.splitlines():
            if line.startswith("$ "):
                parsed.append(Command(line[2:]))
            elif line.startswith("> "):
                parsed[-1].text += f"\n{line[2:]}"
            elif line.strip():
                parsed[-1].shown.append(line.strip())
    return parsed


def play(readme: Path, environment: dict[str, str], folder: Path) -> None:
    """Run the README's commands in one shell; fail at the first whose output differs."""
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
            start = time.monotonic()
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
            LOG.info("%6.1f s  $ %s", time.monotonic() - start, command.text)
            report = f"$ {command.text}\n{output}\nexit code {code}"
            assert command.missing(output) is None, f"not printed: {command.missing(output)}\n{report}"
            assert (code != 0) == command.is_expected_to_fail, report
        shell.stdin.close()
