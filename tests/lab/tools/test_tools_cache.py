"""The cache: its keys, what it refuses to give back, killed runs, and two runs at once."""

import os
import pickle
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
import tenacity

from lab.tools import Source, Toolbox
from lab.tools.cache import key
from lab.tools.golang import FLAGS
from lab.tools.programs import GoBuild, Platform
from lab.tools.version_probe import ask

# Another process that ensures one program, and prints what it does and what it got.
RUN = """
import pickle, signal, sys
from pathlib import Path
from lab.tools import Toolbox

class Printed:
    def start(self, step): ...
    def update(self, step, detail, done=0, total=None): print(detail, flush=True)
    def end(self, step, detail): ...

signal.signal(signal.SIGINT, signal.default_int_handler)
program, cache, modules = pickle.loads(Path(sys.argv[1]).read_bytes())
(obtained,) = Toolbox(cache, Printed(), programs=[program], modules=modules, path="").ensure().obtained
print(obtained.source, obtained.path, flush=True)
"""


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "cache"


@pytest.fixture
def ensure(cache, modules):
    """A program, by a run of this process."""
    return lambda program: Toolbox(cache, programs=[program], modules=modules, path="").ensure().obtained[0]


@pytest.fixture
def entry(cache, tiny, here, modules):
    """Where `tiny` is kept once it is whole."""
    return cache / key(tiny, here, modules, FLAGS)


@pytest.fixture
def gate(make_script, tmp_path):
    """A Go that writes half a program, tells its process id, and goes on as the real one when the gate opens."""
    fifo = tmp_path / "gate"
    os.mkfifo(fifo)
    return make_script(
        "gated/go",
        'if [ "$1" = build ]; then',
        '  for each; do [ "$before" = -o ] && target=$each; before=$each; done',
        '  printf half > "$target"',
        f"  echo $$ >> {tmp_path}/builds",
        f"  read -r _ < {fifo}",
        '  rm "$target"',
        "fi",
        f'exec {shutil.which("go")} "$@"',
    )


@pytest.fixture
def another(tiny, cache, modules, gate):
    """Start another process that ensures `tiny` with the gated Go; those that are left are killed in the end."""
    runs = []
    job = cache.parent / "job"
    job.write_bytes(pickle.dumps((tiny, cache, modules)))

    def another():
        path = f"{gate.parent}{os.pathsep}{os.environ['PATH']}"
        environment = {**os.environ, "PATH": path, "PYTHONPATH": os.pathsep.join(sys.path)}
        pipe = subprocess.PIPE
        run = subprocess.Popen([sys.executable, "-c", RUN, job], stdout=pipe, stderr=pipe, env=environment)
        runs.append(run)
        return run

    yield another
    for run in runs:
        run.kill()
        run.wait(timeout=120)
        run.stdout.close()
        run.stderr.close()
    # A compiler that outlived its run still waits at the gate.
    with suppress(OSError):
        os.close(os.open(cache.parent / "gate", os.O_WRONLY | os.O_NONBLOCK))


@pytest.fixture
def building(tmp_path):
    """The process id of the gated Go, once it builds."""

    @tenacity.retry(stop=tenacity.stop_after_delay(60), wait=tenacity.wait_fixed(0.02))
    def building():
        return int((tmp_path / "builds").read_text().splitlines()[-1])

    return building


def test_key_names_the_program(tiny, here, modules):
    """The key names program, version, system and processor for whoever looks into the folder."""
    assert key(tiny, here, modules, FLAGS).startswith(f"tiny-1.2.3-{here.os}-{here.arch}-")


def test_key_is_stable(tiny, here, modules):
    """The same program from the same modules has the same key."""
    assert key(tiny, here, modules, FLAGS) == key(replace(tiny), here, modules, FLAGS)


@pytest.mark.parametrize("file", ["go.mod", "go.sum", "main.go"])
def test_key_follows_the_pins(tiny, here, modules, file):
    """A change in go.mod, go.sum or our own source is another key."""
    before = key(tiny, here, modules, FLAGS)
    (modules / "tiny" / file).write_text((modules / "tiny" / file).read_text() + "\n")
    assert key(tiny, here, modules, FLAGS) != before


@pytest.mark.parametrize(
    "changes",
    [
        {"version": "1.2.4"},
        {"builds": {"tiny": GoBuild("tiny", "example.test/tiny", {"main.version": "1.2.4"})}},
        {"builds": {"tiny": GoBuild("tiny", "example.test/tiny/cmd")}},
        {"copies": {}},
        {"parts": {"tiny-host": GoBuild("tiny", "example.test/tiny")}},
    ],
)
def test_key_follows_the_recipe(tiny, here, modules, changes):
    """Another version, package, version variable or companion is another key."""
    assert key(replace(tiny, **changes), here, modules, FLAGS) != key(tiny, here, modules, FLAGS)


def test_key_follows_platform_and_flags(tiny, modules):
    """Each platform has its key, and so has each set of flags."""
    keys = {
        key(tiny, Platform(system, arch), modules, flags)
        for system in ("linux", "darwin")
        for arch in ("amd64", "arm64")
        for flags in (FLAGS, (*FLAGS, "-race"))
    }
    assert len(keys) == 8


@pytest.mark.parametrize(
    "damage",
    [
        lambda entry: (entry / "tiny").unlink(),
        lambda entry: (entry / "tiny-helper").unlink(),
        lambda entry: (entry / "tiny").write_text("half"),
        lambda entry: os.utime(entry / "tiny", ns=(0, 0)),
        lambda entry: (entry / "origin.json").unlink(),
        lambda entry: (entry / "origin.json").write_text("{"),
        lambda entry: (entry / "origin.json").write_text("{}"),
        lambda entry: (entry / "origin.json").write_text("[]"),
    ],
)
def test_damaged(ensure, offered, entry, damage):
    """A program that is not any more as it was kept is made anew."""
    program = offered()
    ensure(program)
    damage(entry)
    obtained = ensure(program)
    assert obtained.source is Source.ARCHIVE
    assert ask(obtained.path, program.says) == "1.2.3"


def test_part_lost(ensure, tiny):
    """A compiled program that lost what it needs beside it is made anew; a release never had it."""
    program = replace(tiny, parts={"tiny-host": GoBuild("tiny", "example.test/tiny")})
    host = ensure(program).path.with_name("tiny-host")
    host.unlink()
    assert ensure(program).source is Source.COMPILED
    assert host.exists()
    assert ensure(program).source is Source.CACHE


def test_killed(another, building, ensure, offered, entry):
    """A run killed while it compiles leaves nothing that a later run would use, and the later run clears it away."""
    run = another()
    compiler = building()
    run.send_signal(signal.SIGKILL)
    run.wait(timeout=120)
    (left,) = entry.parent.glob(".tiny.making.*")
    assert (left / "tiny").read_text() == "half"
    assert not entry.exists()
    os.killpg(compiler, signal.SIGKILL)

    obtained = ensure(offered())
    assert obtained.source is Source.ARCHIVE
    assert obtained.path == entry / "tiny"
    assert ask(obtained.path, obtained.program.says) == "1.2.3"
    assert not list(entry.parent.glob(".tiny.making.*"))


def test_interrupted(another, building, entry, cache):
    """A run that is interrupted ends its compiler and clears its half-made program away by itself."""
    run = another()
    compiler = building()
    run.send_signal(signal.SIGINT)
    run.wait(timeout=120)
    with pytest.raises(ProcessLookupError):
        os.kill(compiler, 0)
    assert not list(cache.glob(".tiny.making.*"))
    assert not entry.exists()
    assert b"KeyboardInterrupt" in run.stderr.read()


def test_two_at_once(another, building, tmp_path, tiny):
    """Of two runs at once one makes the program; the other says that it waits, and then uses it."""
    first = another()
    building()
    second = another()
    assert second.stdout.readline() == b"another run is making it\n"
    (tmp_path / "gate").write_text("open\n")
    outputs = [run.communicate(timeout=120) for run in (first, second)]
    assert [run.returncode for run in (first, second)] == [0, 0], outputs
    ended = [output.decode().splitlines()[-1].split() for output, _ in outputs]
    assert [source for source, _ in ended] == ["compiled", "cache"]
    assert ended[0][1] == ended[1][1]
    assert ask(Path(ended[0][1]), tiny.says) == "1.2.3"
    assert len((tmp_path / "builds").read_text().splitlines()) == 1
