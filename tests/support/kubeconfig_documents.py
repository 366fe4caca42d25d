"""A kubeconfig with credentials, for the tests that look for them in what is printed."""

from typing import Any


def with_credentials(user: dict[str, Any]) -> dict[str, Any]:
    """A kubeconfig with these credentials, of a cluster that does not answer."""
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "a", "cluster": {"server": "https://127.0.0.1:9"}}],
        "contexts": [{"name": "a", "context": {"cluster": "a", "user": "a"}}],
        "current-context": "a",
        "users": [{"name": "a", "user": user}],
    }
