"""The library's own threads."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

from eks_identity.runtime.threads import run_in_thread


def test_in_thread_does_not_wait_for_threads_of_the_sdk():
    """A hook returns even if every thread of Pulumi's SDK waits for the engine, which waits for the hook."""
    engine_answered = threading.Event()

    async def program() -> str:
        loop = asyncio.get_running_loop()
        loop.set_default_executor(ThreadPoolExecutor(1))
        registration = loop.run_in_executor(None, engine_answered.wait)
        result = await asyncio.wait_for(run_in_thread(str.upper, "asked"), timeout=60)
        engine_answered.set()
        await registration
        return result

    try:
        assert asyncio.run(program()) == "ASKED"
    finally:
        engine_answered.set()
