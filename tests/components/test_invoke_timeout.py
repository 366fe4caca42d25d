"""A provider function that the engine does not answer."""

import asyncio
import threading

import pytest

from eks_identity.runtime import invoke


class Engine:
    """Answers no call until `end` is set."""

    def __init__(self):
        self.end = threading.Event()

    def Invoke(self, _request):  # noqa: N802 - the engine's name
        self.end.wait()


def test_invoke_that_the_engine_does_not_answer_fails(monkeypatch):
    """The engine answers no call of a hook after another resource failed, and waits for the hook: both would hang."""
    engine = Engine()
    monkeypatch.setattr(invoke, "get_monitor", lambda: engine)
    monkeypatch.setattr(invoke, "TIMEOUT_SECONDS", 0.05)
    try:
        with pytest.raises(invoke.InvokeError, match="aws:eks/getAccessEntry:getAccessEntry did not return within"):
            asyncio.run(invoke.invoke("aws:eks/getAccessEntry:getAccessEntry", {}))
    finally:
        engine.end.set()
