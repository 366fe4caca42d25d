"""The lab's folder: where everything that a lab writes lives, who is using it, and what a killed lab left there.

<cache>/eks-identity-lab/          $EKS_LAB_HOME names another place
├── tools/                         programs, shared by all labs
└── labs/<name>/
    ├── lab.json                   the running daemon and how to reach it
    ├── events.jsonl               its progress since the start
    ├── logs/                      kept after `down`, until the next `up`
    ├── prefork/                   sockets of the processes that plugins and `aws` are forks of
    ├── pki/ clusters/ principals/ pulumi/ bin/ …
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import platformdirs
import psutil
from filelock import FileLock, Timeout

from lab.errors import StateError, UsageError
from lab.interfaces import CloudAccess
from lab.pki import write_secret

DEFAULT_NAME = "default"
MIB = 1024 * 1024
LEAST_DISK = 500 * MIB
_WRITABLE = ".writable"
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?")


def cache_root() -> Path:
    """The folder of all labs and tools: `EKS_LAB_HOME`, else the user's cache folder (XDG on Linux)."""
    named = os.environ.get("EKS_LAB_HOME")
    return Path(named).absolute() if named else platformdirs.user_cache_path("eks-identity-lab")


@dataclass(frozen=True)
class State:
    """A daemon that runs, or ran, and how to reach its AWS."""

    pid: int
    created: float
    """The process's creation time: a process id alone may have been given to somebody else since."""
    instance: str
    """Unique for each start of a lab."""
    account: str
    region: str
    proxy_url: str
    ca_file: str

    @property
    def alive(self) -> bool:
        try:
            process = psutil.Process(self.pid)
            return abs(process.create_time() - self.created) < 1 and process.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False

    @property
    def access(self) -> CloudAccess:
        return CloudAccess(proxy_url=self.proxy_url, ca_file=self.ca_file, region=self.region)


class LabDir:
    """The folder of one lab, by name; labs with different names do not know of each other."""

    def __init__(self, name: str = DEFAULT_NAME, root: Path | None = None) -> None:
        if not _NAME.fullmatch(name):
            raise UsageError(
                f"lab name {name!r}: a name has 1 to 32 characters out of a-z, 0-9 and '-'",
                fix="choose another name, such as 'default'",
            )
        self.name = name
        self.root = root or cache_root()
        self.tools = self.root / "tools"
        self.folder = self.root / "labs" / name
        self.logs = self.folder / "logs"
        self.events = self.folder / "events.jsonl"
        self.principals = self.folder / "principals"
        self.pulumi = self.folder / "pulumi"
        self.bin = self.folder / "bin"
        self.prefork = self.folder / "prefork"
        self._state_file = self.folder / "lab.json"
        self._lock_file = self.root / "labs" / f"{name}.lock"

    def prepare(self) -> None:
        """Make the folder, so that only the user can read it; raises `StateError` where that cannot be."""
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.folder.chmod(0o700)
            (self.folder / _WRITABLE).touch()
        except OSError as error:
            raise StateError(
                f"the lab's folder {self.folder} cannot be written: {error.strerror}",
                fix="make it writable, or name another place in EKS_LAB_HOME",
            ) from error
        free = shutil.disk_usage(self.folder).free
        if free < LEAST_DISK:
            raise StateError(
                f"{free // MIB} MiB are free in the lab's folder {self.folder}; it needs {LEAST_DISK // MIB}",
                fix="free some space, or name a folder on another disk in EKS_LAB_HOME",
            )

    @contextmanager
    def lock(self) -> Iterator[None]:
        """One command at a time starts or stops this lab; another one waits for it, for three minutes at most."""
        self.prepare()
        try:
            with FileLock(self._lock_file, timeout=180):
                yield
        except Timeout as error:
            raise StateError(
                f"another command has been starting or stopping lab {self.name!r} for three minutes",
                fix=f"see `python -m lab{self.option} status`; end that command, then try again",
            ) from error

    def read_state(self) -> State | None:
        try:
            return State(**json.loads(self._state_file.read_text()))
        except FileNotFoundError:
            return None
        except (ValueError, TypeError) as error:
            raise StateError(
                f"{self._state_file} is not what this version of the lab writes: {error}",
                fix=f"end its daemon if one runs (pgrep -f lab.daemon), then remove {self.folder}",
            ) from error

    def running(self) -> State | None:
        """The state of the running lab; None where none runs."""
        state = self.read_state()
        return state if state and state.alive else None

    def require_running(self) -> State:
        state = self.running()
        if state is None:
            raise UsageError(f"lab {self.name!r} is not running", fix=f"python -m lab{self.option} up")
        return state

    def write_state(self, state: State) -> None:
        written = write_secret(self._state_file.with_suffix(".new"), json.dumps(asdict(state), indent=2))
        written.replace(self._state_file)

    def clear(self, *, keep_logs: bool = False) -> None:
        """Remove what a lab left; its data does not outlive its daemon, as AWS's side lives in memory."""
        if not self.folder.exists():
            return
        for entry in self.folder.iterdir():
            if entry == self.logs and keep_logs:
                continue
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink()
        if not keep_logs:
            self.folder.rmdir()

    def forget_lock(self) -> None:
        """Remove the lock's file, by whoever holds the lock: one that waits for it makes a new file."""
        self._lock_file.unlink(missing_ok=True)

    def siblings(self) -> list[LabDir]:
        """The other labs that have a folder beside this one's."""
        folders = [folder for folder in (self.root / "labs").iterdir() if folder.is_dir() and folder != self.folder]
        return [LabDir(folder.name, self.root) for folder in folders if _NAME.fullmatch(folder.name)]

    @property
    def killed(self) -> bool:
        """Whether the lab's daemon, or whoever started it, ended without `down`: nobody can use what is left."""
        state = self.read_state()
        if state is None:
            return any(entry.name not in {self.logs.name, _WRITABLE} for entry in self.folder.iterdir())
        return not state.alive

    def remove_leftovers(self, daemon: int | None = None) -> None:
        """Remove a lab that was killed, or whose daemon is `daemon` at its end, unless a command is at work on it."""
        with suppress(Timeout), FileLock(self._lock_file, timeout=0):
            state = self.read_state()
            if self.killed or (state and state.pid == daemon):
                self.clear()
                self.forget_lock()

    @property
    def option(self) -> str:
        """How this lab is named on the command line, in front of the command."""
        return "" if self.name == DEFAULT_NAME else f" --lab {self.name}"
