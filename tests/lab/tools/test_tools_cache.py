"""The cache: keys, damaged entries, killed runs, and two runs at once."""

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
from lab.tools.cache import cache_key
from lab.tools.golang import FLAGS
from lab.tools.platform import Platform
from lab.tools.program import GoBuild
from lab.tools.version_probe import probe_version

# Another process that ensures one program, and prints its progress and its result.
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
    """Ensure a program in this process."""
    return lambda program: Toolbox(cache, programs=[program], modules=modules, path="").ensure().obtained[0]


@pytest.fixture
def entry(cache, tiny, platform, modules):
    """The folder of `tiny` in the cache."""
    return cache / cache_key(tiny, platform, modules, FLAGS)


@pytest.fixture
def gate(make_script, tmp_path):
    """A Go that writes half a program and its process id, then waits for the gate and runs the real Go."""
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
    """Start another process that ensures `tiny` with the gated Go. The fixture kills the remaining ones at the end."""
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
    # A compiler that outlived its run is still waiting for the gate.
    with suppress(OSError):
        os.close(os.open(cache.parent / "gate", os.O_WRONLY | os.O_NONBLOCK))


@pytest.fixture
def building(tmp_path):
    """The process id of the gated Go, after its build has begun."""

    @tenacity.retry(stop=tenacity.stop_after_delay(60), wait=tenacity.wait_fixed(0.02))
    def building():
        return int((tmp_path / "builds").read_text().splitlines()[-1])

    return building


def test_cache_key_names_the_program(tiny, platform, modules):
    """The key has the program, version, system and processor as readable parts."""
    assert cache_key(tiny, platform, modules, FLAGS).startswith(f"tiny-1.2.3-{platform.os}-{platform.arch}-")


def test_cache_key_is_stable(tiny, platform, modules):
    """The same program from the same modules has the same key."""
    assert cache_key(tiny, platform, modules, FLAGS) == cache_key(replace(tiny), platform, modules, FLAGS)


@pytest.mark.parametrize("file", ["go.mod", "go.sum", "main.go"])
def test_cache_key_changes_with_the_modules(tiny, platform, modules, file):
    """A change in go.mod, go.sum or our own source changes the key."""
    before = cache_key(tiny, platform, modules, FLAGS)
    (modules / "tiny" / file).write_text((modules / "tiny" / file).read_text() + "\n")
    assert cache_key(tiny, platform, modules, FLAGS) != before


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
def test_cache_key_changes_with_the_program(tiny, platform, modules, changes):
    """Another version, package, version variable or companion changes the key."""
    assert cache_key(replace(tiny, **changes), platform, modules, FLAGS) != cache_key(tiny, platform, modules, FLAGS)


def test_cache_key_changes_with_platform_and_flags(tiny, modules):
    """Each platform and each set of flags has a key of its own."""
    keys = {
        cache_key(tiny, Platform(system, arch), modules, flags)
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
def test_damaged_entry_is_replaced(ensure, offered, entry, damage):
    """A cached program whose files changed is installed again."""
    program = offered()
    ensure(program)
    damage(entry)
    obtained = ensure(program)
    assert obtained.source is Source.ARCHIVE
    assert probe_version(obtained.path, program.probe) == "1.2.3"


def test_missing_part_is_compiled_again(ensure, tiny):
    """A compiled program without one of its parts is compiled again."""
    program = replace(tiny, parts={"tiny-host": GoBuild("tiny", "example.test/tiny")})
    host = ensure(program).path.with_name("tiny-host")
    host.unlink()
    assert ensure(program).source is Source.COMPILED
    assert host.exists()
    assert ensure(program).source is Source.CACHE


def test_killed_run_leaves_no_entry(another, building, ensure, offered, entry):
    """A run killed while it compiles leaves no cache entry, and the next run removes its temporary folder."""
    run = another()
    compiler = building()
    run.send_signal(signal.SIGKILL)
    run.wait(timeout=120)
    (temporary,) = entry.parent.glob(".tiny.making.*")
    assert (temporary / "tiny").read_text() == "half"
    assert not entry.exists()
    os.killpg(compiler, signal.SIGKILL)

    obtained = ensure(offered())
    assert obtained.source is Source.ARCHIVE
    assert obtained.path == entry / "tiny"
    assert probe_version(obtained.path, obtained.program.probe) == "1.2.3"
    assert not list(entry.parent.glob(".tiny.making.*"))


def test_interrupted_run_cleans_up(another, building, entry, cache):
    """An interrupted run ends its compiler and removes its temporary folder."""
    run = another()
    compiler = building()
    run.send_signal(signal.SIGINT)
    run.wait(timeout=120)
    with pytest.raises(ProcessLookupError):
        os.kill(compiler, 0)
    assert not list(cache.glob(".tiny.making.*"))
    assert not entry.exists()
    assert b"KeyboardInterrupt" in run.stderr.read()


def test_concurrent_runs_install_once(another, building, tmp_path, tiny):
    """Of two concurrent runs one installs the program; the other reports that it waits, and then uses it."""
    first = another()
    building()
    second = another()
    assert second.stdout.readline() == b"waiting for another run\n"
    (tmp_path / "gate").write_text("open\n")
    outputs = [run.communicate(timeout=120) for run in (first, second)]
    assert [run.returncode for run in (first, second)] == [0, 0], outputs
    results = [output.decode().splitlines()[-1].split() for output, _ in outputs]
    assert [source for source, _ in results] == ["compiled", "cache"]
    assert results[0][1] == results[1][1]
    assert probe_version(Path(results[0][1]), tiny.probe) == "1.2.3"
    assert len((tmp_path / "builds").read_text().splitlines()) == 1
