"""Programs as forks of a prefork server: arguments, streams, signals and exit code are those of a started program."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import psutil
import pytest

from lab.prefork import CLIENT
from lab.prefork.start import start as server_of

PRINTS_ITSELF = """
import json, os, sys
print(json.dumps([sys.argv, os.getcwd(), os.environ["CALLER"], "fractions" in sys.modules, sys.stdin.read()]))
print("to stderr", file=sys.stderr)
sys.exit(7)
"""
WAITS = """
import signal, sys
signal.signal(signal.SIGINT, lambda *_: sys.exit(9))
print("ready", flush=True)
signal.pause()
"""


@pytest.fixture(scope="module")
def socket(tmp_path_factory):
    folder = tmp_path_factory.mktemp("prefork")
    path = folder / "socket"
    server = server_of(path, ["fractions"], log=folder / "log", environment={})
    server.wait_until(path.exists, what="listening", timeout=60)
    yield path
    server.kill()


def start(socket, *arguments, **options):
    command = [sys.executable, "-I", "-S", str(CLIENT), str(socket), *map(str, arguments)]
    streams = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, text=True, env=dict(os.environ, CALLER="caller"), **streams, **options)


def program(folder, text):
    (folder / "program.py").write_text(text)
    return folder / "program.py"


def test_fork_has_the_client_s_arguments_environment_and_streams(socket, tmp_path):
    """Arguments, environment, folder, streams and exit code are the client's; imported modules are the server's."""
    script = program(tmp_path, PRINTS_ITSELF)
    with start(socket, "-u", script, "one", "two", cwd=tmp_path) as client:
        written, errors = client.communicate("hello")
    assert json.loads(written) == [[str(script), "one", "two"], str(tmp_path), "caller", True, "hello"]
    assert (errors, client.returncode) == ("to stderr\n", 7)


def test_client_without_a_server_runs_the_program(tmp_path):
    """Without a server the client executes the program, which imports its modules itself."""
    script = program(tmp_path, PRINTS_ITSELF)
    with start(tmp_path / "no-server", script, cwd=tmp_path) as client:
        written, _ = client.communicate("")
    assert json.loads(written) == [[str(script)], str(tmp_path), "caller", False, ""]
    assert client.returncode == 7


def test_fork_runs_modules_and_prints_exceptions(socket, tmp_path):
    """`-m` runs a module; an uncaught exception is printed and has exit code 1; threads are joined."""
    with start(socket, "-m", "json.tool", "--compact") as client:
        assert client.communicate('{"a": 1}')[0] == '{"a":1}\n'
    text = "import threading, time\nthreading.Timer(0.2, lambda: print('late', flush=True)).start()\nint('x')\n"
    with start(socket, program(tmp_path, text)) as client:
        written, errors = client.communicate()
    assert written == "late\n"
    assert errors.rstrip().endswith("ValueError: invalid literal for int() with base 10: 'x'")
    assert client.returncode == 1


def test_fork_receives_the_client_s_signals(socket, tmp_path):
    """SIGINT to the client reaches the program."""
    with start(socket, program(tmp_path, WAITS)) as client:
        assert client.stdout.readline() == "ready\n"
        client.send_signal(signal.SIGINT)
        client.communicate()
    assert client.returncode == 9


def test_fork_ends_with_its_client(socket, tmp_path):
    """The program ends when its client is killed."""
    with start(socket, program(tmp_path, f"import os\nprint(os.getpid(), flush=True)\n{WAITS}")) as client:
        running = psutil.Process(int(client.stdout.readline()))
        client.kill()
        client.communicate()
        running.wait(timeout=30)


def test_fork_killed_by_a_signal_has_the_shell_s_exit_code(socket, tmp_path):
    """The exit code of a program that a signal killed is 128 plus the signal."""
    with start(socket, program(tmp_path, "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n")) as client:
        client.communicate()
    assert client.returncode == 128 + signal.SIGKILL
