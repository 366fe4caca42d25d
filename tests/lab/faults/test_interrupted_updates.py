"""Updates with faults at random moments, and updated again: what is there is what an uninterrupted update makes."""

from __future__ import annotations

import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress

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


def test_update_killed_between_a_step_and_its_state_converges(interrupted, is_soak, random, show):
    """The engine is killed when an object is created or deleted and the state does not have that yet (pulumi #5377).

    For each type, a message says how the user removes what the next update cannot create.
    """
    steps = [(operation, type_) for type_ in STEPS for operation in ("create", "delete")]
    chosen = steps if is_soak else random.sample([step for step in steps if step[0] == "create"], 1)
    outcomes: dict[str, list[str]] = {}
    for operation, type_ in chosen:
        interrupted.next_revision()
        kill = random.choice([kill_group, kill_engine])
        killed = interrupted.stack.update(interrupted.after_step(operation, type_, kill))
        fault = f"{kill.__name__} after {operation} {type_}"
        assert killed.is_injected, f"not done: {fault}\n{killed.text}"
        unknown = [each["resource"]["type"] for each in interrupted.stack.pending()]
        assert type_ in unknown, fault
        outcomes[fault] = names(interrupted.expect_converged(killed, fault).commands)
    show(f"{len(chosen)} kills between a step and its state, all converged; the user ran {outcomes}")


def test_update_while_the_api_server_restarts_converges(interrupted, is_soak, random, running_lab, show):
    """The API server is killed and started again within an update: the update waits or fails with a clear error."""
    moments = 20 if is_soak else 1
    codes: Counter[int] = Counter()
    for _ in range(moments):
        reference = interrupted.next_revision()
        at = random.randrange(1, reference.events)
        kill = interrupted.stack.at_event(at, lambda _engine: kill_api_server(running_lab, interrupted.name))
        done = interrupted.stack.update(kill)
        expect_clear(done)
        codes[done.code] += 1
        interrupted.expect_converged(done, f"API server killed at event {at} of {reference.events}")
    show(f"{moments} kills of the API server, exit codes {dict(codes)}, all converged")


MIXED = (
    (FaultKind.THROTTLE, 0.15),
    (FaultKind.ERROR, 0.05),
    (FaultKind.RESET, 0.05),
    (FaultKind.SLOW, 0.1),
)


def test_update_with_faults_of_aws_converges(interrupted, inject, fault_file, is_soak, random, show):
    """Throttled, failed, slow and reset calls are retried; an update that fails converges without the faults."""
    rounds = 20 if is_soak else 1
    codes: Counter[int] = Counter()
    for _ in range(rounds):
        interrupted.next_revision()
        seed = random.randrange(1 << 32)
        inject(*(Fault(kind, rate=rate, seed=seed + index, seconds=0.5) for index, (kind, rate) in enumerate(MIXED)))
        done = interrupted.stack.update()
        inject()
        expect_clear(done)
        codes[done.code] += 1
        interrupted.expect_converged(done, f"faults of AWS with seed {seed}")
    kinds = Counter(
        {kind: sum(n for (each, _), n in fault_file.injected().items() if each == kind) for kind, _ in MIXED}
    )
    show(f"{rounds} updates with {dict(kinds)}, exit codes {dict(codes)}, all converged")


def test_update_with_lost_responses_converges(interrupted, inject, fault_file, is_soak, random, show):
    """A call that AWS did without the client knowing is found again: nothing exists twice."""
    actions = ("iam:CreateRole", "eks:CreateAccessEntry", "eks:CreatePodIdentityAssociation", "iam:AttachRolePolicy")
    actions += ("iam:DeleteRole", "eks:DeleteAccessEntry", "eks:DeletePodIdentityAssociation")
    outcomes: dict[str, list[int]] = {}
    for action in actions if is_soak else random.sample(actions, 1):
        interrupted.next_revision()
        inject(Fault(FaultKind.LOST, action, times=1))
        done = interrupted.stack.update()
        inject()
        expect_clear(done)
        recovery = interrupted.expect_converged(done, f"lost response of {action}")
        outcomes[action] = [done.code, len(recovery.commands)]
        assert fault_file.injected()[FaultKind.LOST, action] == 1
    show(f"lost responses, exit code and commands of the user: {outcomes}; all converged")


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
