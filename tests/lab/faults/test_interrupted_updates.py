"""Updates with faults at random moments, and updated again: what is there is what an uninterrupted update makes."""

from __future__ import annotations

import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

import pytest

from lab.faults import Fault, FaultKind
from lab.faults_command import kill as kill_api_server
from support.interrupted_stack import STEPS, InterruptedStack
from support.killed_updates import kill_engine, kill_group


class Stacks:
    """The stack that the tests share. A test that fails may leave it broken, and the next one gets another."""

    def __init__(self, running_lab, tools, tmp_path_factory) -> None:
        self._create = lambda name: InterruptedStack.create(running_lab, tools, tmp_path_factory.mktemp(name), name)
        self._created: list[InterruptedStack] = []

    def intact(self) -> InterruptedStack:
        if not self._created or not self._created[-1].is_intact:
            self._created.append(self._create(f"interrupted-{len(self._created)}"))
        return self._created[-1]

    def remove(self) -> None:
        for stack in self._created:
            stack.remove()


@pytest.fixture(scope="module")
def stacks(running_lab, tools, tmp_path_factory) -> Iterator[Stacks]:
    stacks = Stacks(running_lab, tools, tmp_path_factory)
    yield stacks
    stacks.remove()


@pytest.fixture
def interrupted(stacks) -> InterruptedStack:
    """A stack as an uninterrupted update leaves it."""
    return stacks.intact()


def expect_clear(outcome):
    """Assert that an update succeeded, or failed with a message and without a traceback.

    Python's SDK ends a program with one when the engine cancels its calls after another error.
    """
    assert outcome.code == 0 or "error: " in outcome.text, outcome.text
    assert "Traceback" not in outcome.text or "Exception: context canceled" in outcome.text, outcome.text
    assert "panic:" not in outcome.text, outcome.text


def after(seconds, act):
    def acting(process):
        time.sleep(seconds)
        act(process)

    return acting


def first_error(outcome):
    """Return the first error that the engine printed."""
    return next(line.strip() for line in outcome.text.splitlines() if "error: " in line)


def names(commands):
    """Return the first words of commands."""
    return [" ".join(command.split()[: 3 if command.startswith("aws") else 2]) for command in commands]


def test_update_after_a_kill_converges(interrupted, is_soak, random, show):
    """After a kill at any event, a user who does what the messages say has what an uninterrupted update makes.

    The engine alone is killed, or all of its processes at once. Nothing is lost, nothing exists twice, no lock and no
    pending operation stays.
    """
    moments = 100 if is_soak else 1
    commands: Counter[str] = Counter()
    kinds: Counter[str] = Counter()
    for number in range(moments):
        reference = interrupted.next_revision()
        # One moment in each part of the update, so that the whole update is covered.
        at = 1 + int((number + random.random()) * (reference.events - 1) / moments)
        kill, seconds = random.choice([kill_group, kill_engine]), random.uniform(0, 0.3)
        killed = interrupted.stack.update(interrupted.stack.at_event(at, after(seconds, kill)))
        kinds[kill.__name__ if killed.code else "ended before"] += 1
        fault = f"kill {number}: {kill.__name__} {seconds:.3f} s after event {at} of {reference.events}"
        commands.update(names(interrupted.expect_converged(killed, fault).commands))
        if number % 10 == 9:
            show(f"{number + 1} updates killed {dict(kinds)}, all converged; the user ran {dict(commands)}")
    show(f"{moments} updates killed {dict(kinds)}, all converged; the user ran {dict(commands)}")


def kill_after_step(interrupted, operation, type_, kill, fault):
    """Kill an update between a step and its state, and return what its user did.

    On a busy machine the engine may write the state before this process stops it; the next update is killed then.
    """
    for _ in range(5):
        interrupted.next_revision()
        killed = interrupted.stack.update(interrupted.after_step(operation, type_, kill))
        is_unknown = killed.is_injected and interrupted.has_pending(type_)
        recovery = interrupted.expect_converged(killed, fault)
        if is_unknown:
            return recovery
    raise AssertionError(f"the state had the step each time: {fault}\n{killed.text}")


def test_update_killed_between_a_step_and_its_state_converges(interrupted, is_soak, random, show):
    """The engine is killed when an object is created or deleted and the state does not have that yet (pulumi #5377).

    For each type, a message says how the user removes what the next update cannot create.
    """
    steps = [(operation, type_) for type_ in STEPS for operation in ("create", "delete")]
    chosen = steps if is_soak else random.sample([step for step in steps if step[0] == "create"], 1)
    outcomes: dict[str, list[str]] = {}
    for operation, type_ in chosen:
        kill = random.choice([kill_group, kill_engine])
        fault = f"{kill.__name__} after {operation} {type_}"
        outcomes[fault] = names(kill_after_step(interrupted, operation, type_, kill, fault).commands)
    show(f"{len(chosen)} kills between a step and its state, all converged; the user ran {outcomes}")


@dataclass(frozen=True)
class Faults:
    """Faults of one update that calls are retried after, or that an update without them converges after."""

    kills_api_server: bool = False
    """The API server is killed and started again."""
    has_mixed: bool = False
    """AWS throttles, fails, resets connections and responds late."""
    lost: str | None = None
    """Action that AWS does without the client knowing."""

    def inject(self, seed):
        """Return the faults of AWS. The first that hits a call applies."""
        faults = [Fault(FaultKind.LOST, self.lost, times=1)] if self.lost else []
        mixed = MIXED if self.has_mixed else ()
        return faults + [
            Fault(kind, rate=rate, seed=seed + index, seconds=0.5) for index, (kind, rate) in enumerate(mixed)
        ]


MIXED = (
    (FaultKind.THROTTLE, 0.15),
    (FaultKind.ERROR, 0.05),
    (FaultKind.RESET, 0.05),
    (FaultKind.SLOW, 0.1),
)
LOST = (
    *("iam:CreateRole", "iam:AttachRolePolicy", "iam:DeleteRole"),
    *("eks:CreateAccessEntry", "eks:CreatePodIdentityAssociation", "eks:AssociateAccessPolicy"),
    *("eks:DeleteAccessEntry", "eks:DeletePodIdentityAssociation"),
)


def test_update_with_faults_of_the_api_server_and_aws_converges(
    interrupted, inject, fault_file, is_soak, random, running_lab, show
):
    """Killed API servers, failed calls and lost responses: calls are retried, or a clear error and then convergence.

    The sample has all faults of AWS in one update.
    """
    rounds = [Faults(kills_api_server=True), Faults(has_mixed=True, lost=random.choice(LOST))]
    if is_soak:
        rounds = [Faults(kills_api_server=True)] * 20 + [Faults(has_mixed=True)] * 20 + [Faults(lost=a) for a in LOST]
    outcomes: dict[Faults, list[tuple[int, tuple[str, ...]]]] = {}
    kills = 0
    for faults in rounds:
        reference = interrupted.next_revision()
        at, seed = random.randrange(1, reference.events), random.randrange(1 << 32)
        before = fault_file.injected()[FaultKind.LOST, faults.lost]
        inject(*faults.inject(seed))
        kill = interrupted.stack.at_event(at, lambda _engine: kill_api_server(running_lab, interrupted.name))
        done = interrupted.stack.update(kill if faults.kills_api_server else None)
        inject()
        interrupted.wait_for_api_server()
        expect_clear(done)
        recovery = interrupted.expect_converged(done, f"{faults} with seed {seed}, at event {at} of {reference.events}")
        outcomes.setdefault(faults, []).append((done.code, tuple(names(recovery.commands))))
        if done.code:
            show(f"{faults}: {first_error(done)}")
        if done.code == 0 or faults == Faults(lost=faults.lost):
            assert fault_file.injected()[FaultKind.LOST, faults.lost] - before == (faults.lost is not None), done.text
        kills += done.is_injected
    injected: Counter[str] = Counter()
    for (kind, _), number in fault_file.injected().items():
        injected[kind.value] += number
    show(f"{len(rounds)} updates, {kills} kills of the API server, faults of AWS {dict(injected)}; all converged")
    for faults, ended in outcomes.items():
        show(f"{faults}: exit codes and commands of the user {dict(Counter(ended))}")


def test_credentials_that_expire_within_an_update(interrupted, inject, fault_file, is_soak, random, show):
    """The error names the failed call and says that credentials have expired; new credentials complete the update.

    An API server whose authenticator cannot verify the token says `Unauthorized`, and no more.
    """
    moments = 10 if is_soak else 1
    for _ in range(moments):
        reference = interrupted.next_revision()
        calls = random.randrange(reference.calls // 2)
        inject(Fault(FaultKind.EXPIRE, after=calls))
        done = interrupted.stack.update(**interrupted.session())
        inject()
        fault = f"credentials expired after {calls} of {reference.calls} calls"
        expect_clear(done)
        assert done.code != 0, f"{fault}\n{done.text}"
        reasons = ("security token included in the request is expired", "ExpiredToken", "Unauthorized")
        assert any(reason in done.text for reason in reasons), f"{fault}\n{done.text}"
        interrupted.expect_converged(done, fault)
    show(f"{moments} updates whose credentials expired, all converged")


@pytest.fixture
def small_disk(is_soak, interrupted):
    """A file system of 8 MiB in place of the backend's folder; returns the file that fills it."""
    if not is_soak:
        pytest.skip("the engine tries for half a minute to write to a full disk: see `make soak`")
    folder = interrupted.stack.project.folder / "state"
    copy, ballast = folder.with_name("state-copy"), folder / "ballast"
    interrupted.stack.forget_history()
    subprocess.run(["cp", "-a", folder, copy], check=True)
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", folder], check=False)
    if mounted.returncode:
        pytest.skip("mounting a file system needs root")
    subprocess.run(["cp", "-a", f"{copy}/.", folder], check=True)
    yield ballast
    ballast.unlink(missing_ok=True)
    subprocess.run(["rm", "-r", copy], check=True)
    subprocess.run(["cp", "-a", folder, copy], check=True)
    # A process of a killed update may still have its working directory there.
    subprocess.run(["umount", "--lazy", folder], check=True)
    subprocess.run(["rm", "-r", folder], check=True)
    copy.rename(folder)


def test_full_disk_under_the_backend(interrupted, small_disk, random, show):
    """The error names the full disk, the state stays readable, and with free space the update is completed.

    The engine writes the state again and again for half a minute, so this test is not part of the sample.
    """
    codes: Counter[int] = Counter()
    commands: Counter[str] = Counter()
    moments = 10

    def fill(_engine):
        with small_disk.open("wb", buffering=0) as file, suppress(OSError):
            while True:
                file.write(b"\0" * 1024)

    for _ in range(moments):
        reference = interrupted.next_revision()
        at = random.randrange(1, reference.events)
        interrupted.stack.forget_history()
        done = interrupted.stack.update(interrupted.stack.at_event(at, fill))
        small_disk.unlink(missing_ok=True)
        expect_clear(done)
        codes[done.code] += 1
        if done.code:
            assert "no space left on device" in done.text, done.text
        assert interrupted.count_resources()
        fault = f"disk full at event {at} of {reference.events}"
        commands.update(names(interrupted.expect_converged(done, fault).commands))
    show(f"{moments} full disks, exit codes {dict(codes)}, all converged; the user ran {dict(commands)}")
