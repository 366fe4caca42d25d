"""The plugin without the engine: its methods called as the engine calls them, against the real API server.

The tests of whole stacks verify how the engine uses the results; here a case takes milliseconds.
"""

import asyncio
from typing import Any

from pulumi.provider.experimental import provider

from lab.plugins.base import CheckRequest, DeleteRequest, UpdateRequest
from lab.plugins.kubernetes.provider import KubernetesPlugin
from lab.plugins.values import Properties, plain


class Recorder:
    """A simulated engine that records warnings."""

    def __init__(self) -> None:
        self.warnings: list[str] = []

    async def warn(self, message: str, *, urn: str = "") -> None:
        assert urn
        self.warnings.append(message)


class DirectPlugin:
    """A configured plugin with methods for plain dicts."""

    def __init__(self, runner: asyncio.Runner, kubeconfig: str) -> None:
        self._runner = runner
        self._kubeconfig = kubeconfig
        self.plugin = KubernetesPlugin()
        self.plugin.engine = self.engine = Recorder()
        self.configure()

    def configure(self, **settings: str) -> None:
        variables = {
            f"kubernetes:config:{key}": value for key, value in {"kubeconfig": self._kubeconfig, **settings}.items()
        }
        self._run(
            self.plugin.configure(provider.ConfigureRequest(variables, {}, accept_secrets=True, accept_resources=True))
        )

    def close(self) -> None:
        self._run(self.plugin.close())

    def check(self, token: str, document: dict[str, Any]) -> dict[str, Any]:
        response = self._run(self.plugin.check(CheckRequest(_urn(token), {}, Properties(document).to_wire(), b"seed")))
        return plain(response.inputs)

    def create(
        self, token: str, document: dict[str, Any], *, preview: bool = False
    ) -> tuple[str | None, dict[str, Any]]:
        checked = Properties(self.check(token, document)).to_wire()
        response = self._run(self.plugin.create(provider.CreateRequest(_urn(token), checked, 0, preview)))
        return response.resource_id, plain(response.properties)

    def update(self, token: str, identity: str, state: dict[str, Any], document: dict[str, Any]) -> dict[str, Any]:
        request = UpdateRequest(
            _urn(token),
            identity,
            olds=Properties(state).to_wire(),
            old_inputs=Properties(state["__inputs"]).to_wire(),
            news=Properties(self.check(token, document)).to_wire(),
            timeout=0,
            ignore_changes=[],
            preview=False,
        )
        return plain(self._run(self.plugin.update(request)).properties)

    def read(self, token: str, identity: str, state: dict[str, Any] | None = None) -> provider.ReadResponse:
        old, inputs = (Properties(each).to_wire() for each in (state or {}, (state or {}).get("__inputs", {})))
        return self._run(self.plugin.read(provider.ReadRequest(_urn(token), identity, old, inputs)))

    def delete(self, token: str, identity: str, state: dict[str, Any]) -> None:
        old, inputs = (Properties(each).to_wire() for each in (state, state["__inputs"]))
        self._run(
            self.plugin.delete(DeleteRequest(_urn(token), identity, properties=old, old_inputs=inputs, timeout=0))
        )

    def _run(self, coroutine: Any) -> Any:
        return self._runner.run(coroutine)


def _urn(token: str) -> str:
    return f"urn:pulumi:stack::project::{token}::logical"
