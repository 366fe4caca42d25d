"""The folder of a lab: its files, its lock, and the cleanup after a killed lab.

<cache>/eks-identity-lab/          or the folder in $EKS_LAB_HOME
├── tools/                         programs, shared by all labs
└── labs/<name>/
    ├── lab.json                   the running daemon and how to reach it
    ├── pods.json                  whether its pods are confined
    ├── events.jsonl               its progress since the start
    ├── logs/                      stay after `down` until the next `up`
    ├── prefork/                   sockets of the prefork servers of the plugins and of `aws`
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
MIN_FREE_DISK = 500 * MIB
_WRITABLE = ".writable"
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?")


def cache_root() -> Path:
    """Return the folder of all labs and tools: `EKS_LAB_HOME`, or the user's cache folder (XDG on Linux)."""
    configured = os.environ.get("EKS_LAB_HOME")
    return Path(configured).absolute() if configured else platformdirs.user_cache_path("eks-identity-lab")


@dataclass(frozen=True)
class State:
    """A running or ended daemon, and how to reach its AWS."""

    pid: int
    created: float
    """The process's creation time, because the operating system reuses process ids."""
    instance: str
    """Unique for each start of a lab."""
    account: str
    region: str
    proxy_url: str
    ca_file: str

    @property
    def is_alive(self) -> bool:
        try:
            process = psutil.Process(self.pid)
            return abs(process.create_time() - self.created) < 1 and process.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False

    @property
    def access(self) -> CloudAccess:
        return CloudAccess(proxy_url=self.proxy_url, ca_file=self.ca_file, region=self.region)


@dataclass(frozen=True)
class PodConfinement:
    """Whether the kernel keeps the pods of a lab from the user's files and from the lab's keys."""

    is_active: bool
    detail: str
    """How pods are confined, or the reason why they are not."""


class LabDir:
    """The folder of one lab, by name. Labs with different names are independent."""

    def __init__(self, name: str = DEFAULT_NAME, root: Path | None = None) -> None:
        if not _NAME.fullmatch(name):
            raise UsageError(
                f"lab name {name!r} must have 1 to 32 characters out of a-z, 0-9 and '-'",
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
        self._pods_file = self.folder / "pods.json"
        self._lock_file = self.root / "labs" / f"{name}.lock"

    def prepare(self) -> None:
        """Create the folder, readable by the user only. Raises `StateError` if that fails."""
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.folder.chmod(0o700)
            (self.folder / _WRITABLE).touch()
        except OSError as error:
            raise StateError(
                f"the lab's folder {self.folder} cannot be written: {error.strerror}",
                fix="make it writable, or set EKS_LAB_HOME to another folder",
            ) from error
        free = shutil.disk_usage(self.folder).free
        if free < MIN_FREE_DISK:
            raise StateError(
                f"{free // MIB} MiB are free in the lab's folder {self.folder}; the lab needs {MIN_FREE_DISK // MIB}",
                fix="free some space, or set EKS_LAB_HOME to a folder on another disk",
            )

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the lab's lock: one command at a time starts or stops it. Others wait, for three minutes at most."""
        self.prepare()
        try:
            with FileLock(self._lock_file, timeout=180):
                yield
        except Timeout as error:
            raise StateError(
                f"another command has been starting or stopping lab {self.name!r} for three minutes",
                fix=f"run `python -m lab{self.option} status`; end the other command, then try again",
            ) from error

    def read_state(self) -> State | None:
        try:
            return State(**json.loads(self._state_file.read_text()))
        except FileNotFoundError:
            return None
        except (ValueError, TypeError) as error:
            raise StateError(
                f"{self._state_file} was not written by this version of the lab: {error}",
                fix=f"end its daemon if one runs (pgrep -f lab.daemon), then remove {self.folder}",
            ) from error

    def running(self) -> State | None:
        """Return the state of the running lab, or None."""
        state = self.read_state()
        return state if state and state.is_alive else None

    def require_running(self) -> State:
        state = self.running()
        if state is None:
            raise UsageError(f"lab {self.name!r} is not running", fix=f"run `python -m lab{self.option} up`")
        return state

    def write_state(self, state: State) -> None:
        written = write_secret(self._state_file.with_suffix(".new"), json.dumps(asdict(state), indent=2))
        written.replace(self._state_file)

    def read_pod_confinement(self) -> PodConfinement:
        try:
            return PodConfinement(**json.loads(self._pods_file.read_text()))
        except FileNotFoundError:
            return PodConfinement(is_active=False, detail="the lab was started by an older version")

    def write_pod_confinement(self, confinement: PodConfinement) -> None:
        write_secret(self._pods_file, json.dumps(asdict(confinement)))

    def clear(self, *, keep_logs: bool = False) -> None:
        """Remove the lab's files. Its data does not outlive the daemon, because AWS's side is in memory."""
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

    def remove_lock_file(self) -> None:
        """Remove the lock file. The caller holds the lock; a command that waits for it creates a new file."""
        self._lock_file.unlink(missing_ok=True)

    def other_labs(self) -> list[LabDir]:
        """Return the other labs with a folder in the same root."""
        folders = [folder for folder in (self.root / "labs").iterdir() if folder.is_dir() and folder != self.folder]
        return [LabDir(folder.name, self.root) for folder in folders if _NAME.fullmatch(folder.name)]

    @property
    def is_stale(self) -> bool:
        """Whether the lab's daemon or its `up` ended without `down`: the remaining files are of no use.

        A lab that another command has removed meanwhile is not stale.
        """
        state = self.read_state()
        if state is not None:
            return not state.is_alive
        try:
            return any(entry.name not in {self.logs.name, _WRITABLE} for entry in self.folder.iterdir())
        except FileNotFoundError:
            return False

    def remove_leftovers(self, daemon: int | None = None) -> None:
        """Remove a stale lab, or one whose daemon is `daemon` at its end, unless a command holds its lock."""
        with suppress(Timeout), FileLock(self._lock_file, timeout=0):
            state = self.read_state()
            if self.is_stale or (state and state.pid == daemon):
                self.clear()
                self.remove_lock_file()

    @property
    def option(self) -> str:
        """The command line option that names this lab: ` --lab NAME`, or empty for the default lab."""
        return "" if self.name == DEFAULT_NAME else f" --lab {self.name}"
