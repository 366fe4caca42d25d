"""Signals that the pipeline sends to an engine."""

import sys
import threading
from textwrap import dedent

import pytest
from pulumi import automation

from eks_pipeline.stack.engine import CancellableEngine

TIMEOUT = 30
"""Seconds after which the engine does not end."""
# It drops the second signal, as the engine does while it handles the first one.
ENGINE = f"""\
    #!{sys.executable}
    import signal, sys

    received = []

    def on_signal(*_):
        received.append(None)
        if len(received) != 2:
            print("^C received; terminating" if len(received) > 2 else "^C received; cancelling", flush=True)
        if len(received) == 3:
            sys.exit(1)

    if sys.argv[1:] == ["version"]:
        print("v3.274.1")
    else:
        signal.signal(signal.SIGINT, on_signal)
        print("running", flush=True)
        while True:
            signal.pause()
"""


def test_second_signal_is_repeated_until_the_engine_terminates(tmp_path, monkeypatch):
    """A signal that the engine drops does not let an update run on that the user stops at once."""
    program = tmp_path / "pulumi"
    program.write_text(dedent(ENGINE))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    engine, lines, errors = CancellableEngine(), {"running": threading.Event(), "cancelling": threading.Event()}, []

    def on_output(line):
        lines.get(line.split()[-1], threading.Event()).set()

    def run():
        try:
            engine.run(["up"], str(tmp_path), {}, on_output)
        except automation.CommandError as error:
            errors.append(error)

    update = threading.Thread(target=run, daemon=True)
    update.start()
    for line in lines.values():
        assert line.wait(TIMEOUT)
        engine.cancel()
    update.join(TIMEOUT)
    assert not update.is_alive()
    with pytest.raises(automation.CommandError, match="terminating"):
        raise errors[0]
