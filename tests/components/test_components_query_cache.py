"""The cache of the library's own requests to AWS and clusters."""

import asyncio

import pytest

from eks_identity.errors import AwsUnreachableError
from eks_identity.runtime import diagnostics
from eks_identity.runtime.query_cache import QueryCache


@pytest.fixture
def warnings(monkeypatch):
    """Return the list of the warnings that are logged."""
    messages = []
    monkeypatch.setattr(diagnostics, "warn", lambda message, _resource: messages.append(message))
    return messages


def get_all(cache, *queries, endpoint="EKS"):
    async def run():
        return [await cache.get(endpoint, key, query, on_error="cannot list", resource=None) for key, query in queries]

    return asyncio.run(run())


def test_query_cache_sends_each_query_once(warnings):
    """Later calls with the same key get the first result; other keys and endpoints have their own."""
    cache = QueryCache()
    assert get_all(cache, ("a", lambda: 1), ("a", lambda: 2), ("b", lambda: 3)) == [1, 1, 3]
    assert get_all(cache, ("a", lambda: 4), endpoint="Kubernetes") == [4]
    assert warnings == []


def test_query_cache_does_not_query_a_failed_endpoint_again(warnings):
    """One warning is logged. Cached results stay available, and other endpoints are queried."""
    cache = QueryCache()

    def fail():
        raise AwsUnreachableError("no response")

    assert get_all(cache, ("a", lambda: 1), ("b", fail), ("c", lambda: 2), ("a", fail)) == [1, None, None, 1]
    assert warnings == ["cannot list: no response"]
    assert get_all(cache, ("a", lambda: 3), endpoint="Kubernetes") == [3]


def test_query_cache_shares_the_task_of_a_coroutine():
    """Concurrent calls with the same key await one run of the coroutine function, and get its error too."""
    cache = QueryCache()
    runs = []

    async def query():
        runs.append("query")
        await asyncio.sleep(0)
        return "result"

    async def fail():
        raise AwsUnreachableError("no response")

    async def run():
        results = await asyncio.gather(*(cache.get_async("a", query) for _ in range(3)))
        errors = await asyncio.gather(*(cache.get_async("b", fail) for _ in range(2)), return_exceptions=True)
        return results, [str(error) for error in errors]

    assert asyncio.run(run()) == (["result"] * 3, ["no response"] * 2)
    assert runs == ["query"]
