"""The aws plugin's provider: it selects the resource spec, and runs each blocking call in a thread."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping
from typing import Any

from pulumi.provider.experimental import provider

from lab.plugins import base
from lab.plugins.aws import session
from lab.plugins.aws.check import DEFAULTS, check_inputs
from lab.plugins.aws.diff import Change, Difference, compare
from lab.plugins.aws.functions import FUNCTIONS
from lab.plugins.aws.lifecycle import Lifecycle
from lab.plugins.aws.resource_spec import ResourceSpec
from lab.plugins.aws.resource_specs import TABLE
from lab.plugins.errors import InitError, InvalidInputError, PluginError
from lab.plugins.values import UNKNOWN, Path, Properties, contains_unknown


class AwsPlugin(base.BasePlugin):
    """The provider of every type in `resource_specs.TABLE` and every function in `functions.FUNCTIONS`."""

    package = "aws"

    def __init__(self) -> None:
        super().__init__()
        self._clients = session.Clients(session.Settings())
        self._stop = threading.Event()

    async def cancel(self) -> None:
        self._stop.set()
        await super().cancel()

    async def check_config(self, request: provider.CheckRequest) -> provider.CheckResponse:
        problems = session.problems(Properties.from_wire(request.new_inputs).values)
        if problems:
            raise InvalidInputError("the configuration of the aws provider", problems)
        return provider.CheckResponse(inputs=request.new_inputs)

    async def configure(self, request: provider.ConfigureRequest) -> provider.ConfigureResponse:
        self._clients = session.Clients(session.Settings.of(Properties.from_wire(request.args).values))
        if not contains_unknown(self._clients.settings.values):
            await asyncio.to_thread(self._clients.check_account)
        return await super().configure(request)

    async def check(self, request: provider.CheckRequest) -> provider.CheckResponse:
        spec = self._spec(_type(request.urn))
        news = Properties.from_wire(request.new_inputs)
        region = await asyncio.to_thread(lambda: self._clients.region) if spec.scope == "regional" else None
        checked = check_inputs(
            spec,
            news.values,
            Properties.from_wire(request.old_inputs).values,
            choose_name=lambda limit, prefix: _name(
                request, limit, prefix, lowercase=bool(spec.name and spec.name.lowercase)
            ),
            region=region,
        )
        return provider.CheckResponse(
            inputs=Properties(checked.inputs, news.secrets).to_wire(),
            failures=[provider.CheckFailure(name, reason) for name, reason in checked.failures],
        )

    async def diff(self, request: provider.DiffRequest) -> provider.DiffResponse:
        spec = self._spec(_type(request.urn))
        state = Properties.from_wire(request.old_state).values
        difference = self._compare(spec, state, Properties.from_wire(request.new_inputs).values, request.ignore_changes)
        return provider.DiffResponse(
            changes=bool(difference.changes),
            replaces=difference.replaces,
            delete_before_replace=bool(difference.replaces) and difference.delete_first,
            diffs=[change.name for change in difference.changes],
            detailed_diff={change.name: _detailed(change) for change in difference.changes},
        )

    async def create(self, request: provider.CreateRequest) -> provider.CreateResponse:
        spec, inputs = self._spec(_type(request.urn)), Properties.from_wire(request.properties)
        if request.preview:
            return provider.CreateResponse(properties=self._wire(spec, self._expected(spec, inputs.values), inputs))
        existing: list[tuple[str, dict[str, Any]]] = []

        def on_created(resource_id: str, state: Mapping[str, Any]) -> None:
            existing.append((resource_id, dict(state)))

        try:
            resource_id, state = await asyncio.to_thread(self._lifecycle(spec).create, inputs.values, on_created)
        except PluginError as error:
            if not existing:
                raise
            resource_id, state = existing[0]
            raise InitError(
                error.problem,
                fix=error.fix,
                resource_id=resource_id,
                properties=self._wire(spec, state, inputs),
                inputs=request.properties,
            ) from error
        return provider.CreateResponse(resource_id=resource_id, properties=self._wire(spec, state, inputs))

    async def read(self, request: provider.ReadRequest) -> provider.ReadResponse:
        spec = self._spec(_type(request.urn))
        state, inputs = Properties.from_wire(request.properties), Properties.from_wire(request.inputs)
        current = await asyncio.to_thread(self._lifecycle(spec).read, request.resource_id, state.values)
        if current is None:
            return provider.ReadResponse()
        resource_id, new = current
        return provider.ReadResponse(
            resource_id=resource_id,
            properties=self._wire(spec, new, state, inputs),
            inputs=self._wire(spec, _current_inputs(spec, inputs.values, state.values, new), state, inputs),
        )

    async def update(self, request: provider.UpdateRequest) -> provider.UpdateResponse:
        spec = self._spec(_type(request.urn))
        olds, news = Properties.from_wire(request.olds), Properties.from_wire(request.news)
        difference = self._compare(spec, olds.values, news.values, request.ignore_changes)
        if request.preview:
            expected = self._expected_update(spec, olds.values, news.values)
            return provider.UpdateResponse(properties=self._wire(spec, expected, olds, news))
        changed = frozenset(change.name for change in difference.changes)
        state = await asyncio.to_thread(
            self._lifecycle(spec).update,
            request.resource_id,
            olds.values,
            news.values,
            changed,
        )
        return provider.UpdateResponse(properties=self._wire(spec, state, olds, news))

    async def delete(self, request: provider.DeleteRequest) -> None:
        spec = self._spec(_type(request.urn))
        state = Properties.from_wire(request.properties).values
        await asyncio.to_thread(self._lifecycle(spec).delete, request.resource_id, state)

    async def invoke(self, request: provider.InvokeRequest) -> provider.InvokeResponse:
        function = FUNCTIONS.get(request.tok)
        if function is None:
            raise self.not_covered(request.tok)
        arguments = Properties.from_wire(request.args).values
        result = await asyncio.to_thread(function.call, self._clients, arguments)
        secrets: frozenset[Path] = frozenset((name,) for name in function.secrets)
        return provider.InvokeResponse(return_value=Properties(result, secrets).to_wire())

    def _spec(self, token: str) -> ResourceSpec:
        spec: ResourceSpec | None = TABLE.get(token)
        if spec is None:
            raise self.not_covered(token)
        return spec

    def _lifecycle(self, spec: ResourceSpec) -> Lifecycle:
        return Lifecycle(spec, self._clients, self._stop)

    def _compare(
        self, spec: ResourceSpec, state: Mapping[str, Any], news: Mapping[str, Any], ignored: list[str]
    ) -> Difference:
        inputs = {**news, "tagsAll": self._lifecycle(spec).all_tags(news) or None} if spec.tags else news
        return compare(spec, state, inputs, ignored)

    def _expected(self, spec: ResourceSpec, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Return the planned state of a create: properties that AWS chooses are unknown."""
        unknown = {prop.name: UNKNOWN for prop in spec.all_properties if not prop.is_input or prop.computed}
        planned = {key: value for key, value in inputs.items() if key != DEFAULTS}
        tags = {"tagsAll": self._lifecycle(spec).all_tags(inputs)} if spec.tags else {}
        return {**unknown, **planned, **tags}

    def _expected_update(self, spec: ResourceSpec, olds: Mapping[str, Any], news: Mapping[str, Any]) -> dict[str, Any]:
        unchanged = {
            prop.name: UNKNOWN if prop.volatile else olds[prop.name]
            for prop in spec.all_properties
            if prop.name in olds and (not prop.is_input or prop.computed)
        }
        planned = {key: value for key, value in news.items() if key != DEFAULTS}
        tags = {"tagsAll": self._lifecycle(spec).all_tags(news)} if spec.tags else {}
        return {**unchanged, **planned, **tags}

    def _wire(self, spec: ResourceSpec, state: Mapping[str, Any], *sources: Properties) -> base.Wire:
        secrets: frozenset[Path] = frozenset((prop.name,) for prop in spec.properties if prop.secret)
        return Properties(dict(state), secrets).with_secrets_of(*sources).to_wire()


def _type(urn: str) -> str:
    return urn.split("::")[2].rsplit("$", 1)[-1]


def _name(request: provider.CheckRequest, limit: int, prefix: str, *, lowercase: bool) -> str:
    if prefix:
        named = base.CheckRequest(f"urn::::::{prefix}", {}, {}, request.random_seed)
        return base.auto_name(named, digits=26, separator="", limit=max(limit, len(prefix) + 26))
    return base.auto_name(request, digits=7, limit=limit, lower=lowercase)


def _detailed(change: Change) -> provider.PropertyDiff:
    kinds = provider.PropertyDiffKind
    if change.added:
        kind = kinds.ADD_REPLACE if change.replaces else kinds.ADD
    elif change.removed:
        kind = kinds.DELETE_REPLACE if change.replaces else kinds.DELETE
    else:
        kind = kinds.UPDATE_REPLACE if change.replaces else kinds.UPDATE
    return provider.PropertyDiff(kind, input_diff=False)


def _current_inputs(
    spec: ResourceSpec, inputs: Mapping[str, Any], before: Mapping[str, Any], now: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the inputs of the current state: the old inputs with drifted values; for an import, every input."""
    if not inputs:
        imported = {
            prop.name: now[prop.name]
            for prop in spec.inputs
            if now.get(prop.name) is not None and not prop.converter.same(now[prop.name], prop.default)
        }
        return {**imported, DEFAULTS: []}
    result = dict(inputs)
    for prop in spec.inputs:
        value = now.get(prop.name)
        recorded = inputs if prop.name in inputs else before
        if (value is not None or prop.name in inputs) and not prop.converter.same(recorded.get(prop.name), value):
            result[prop.name] = value
    return {key: value for key, value in result.items() if value is not None}
