"""The aws plugin as the engine sees it: finds the row, and puts each blocking step on a thread."""

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
    """Every type of `rows.TABLE` and every function of `functions.FUNCTIONS`, in one provider."""

    package = "aws"

    def __init__(self) -> None:
        super().__init__()
        self._clients = session.Clients(session.Settings())
        self._stop = threading.Event()

    async def cancel(self) -> None:
        self._stop.set()
        await super().cancel()

    async def check_config(self, request: provider.CheckRequest) -> provider.CheckResponse:
        found = session.problems(Properties.from_wire(request.new_inputs).values)
        if found:
            raise InvalidInputError("the configuration of the aws provider", found)
        return provider.CheckResponse(inputs=request.new_inputs)

    async def configure(self, request: provider.ConfigureRequest) -> provider.ConfigureResponse:
        self._clients = session.Clients(session.Settings.of(Properties.from_wire(request.args).values))
        if not contains_unknown(self._clients.settings.values):
            await asyncio.to_thread(self._clients.check_account)
        return await super().configure(request)

    async def check(self, request: provider.CheckRequest) -> provider.CheckResponse:
        row = self._row(_type(request.urn))
        news = Properties.from_wire(request.new_inputs)
        region = await asyncio.to_thread(lambda: self._clients.region) if row.scope == "regional" else None
        checked = check_inputs(
            row,
            news.values,
            Properties.from_wire(request.old_inputs).values,
            choose_name=lambda limit, prefix: _name(
                request, limit, prefix, lowercase=bool(row.name and row.name.lowercase)
            ),
            region=region,
        )
        return provider.CheckResponse(
            inputs=Properties(checked.inputs, news.secrets).to_wire(),
            failures=[provider.CheckFailure(name, reason) for name, reason in checked.failures],
        )

    async def diff(self, request: provider.DiffRequest) -> provider.DiffResponse:
        row = self._row(_type(request.urn))
        state = Properties.from_wire(request.old_state).values
        difference = self._compare(row, state, Properties.from_wire(request.new_inputs).values, request.ignore_changes)
        return provider.DiffResponse(
            changes=bool(difference.changes),
            replaces=difference.replaces,
            delete_before_replace=bool(difference.replaces) and difference.delete_first,
            diffs=[change.name for change in difference.changes],
            detailed_diff={change.name: _detailed(change) for change in difference.changes},
        )

    async def create(self, request: provider.CreateRequest) -> provider.CreateResponse:
        row, inputs = self._row(_type(request.urn)), Properties.from_wire(request.properties)
        if request.preview:
            return provider.CreateResponse(properties=self._wire(row, self._expected(row, inputs.values), inputs))
        existing: list[tuple[str, dict[str, Any]]] = []

        def made(resource_id: str, state: Mapping[str, Any]) -> None:
            existing.append((resource_id, dict(state)))

        try:
            resource_id, state = await asyncio.to_thread(self._lifecycle(row).create, inputs.values, made)
        except PluginError as error:
            if not existing:
                raise
            resource_id, state = existing[0]
            raise InitError(
                error.problem,
                fix=error.fix,
                resource_id=resource_id,
                properties=self._wire(row, state, inputs),
                inputs=request.properties,
            ) from error
        return provider.CreateResponse(resource_id=resource_id, properties=self._wire(row, state, inputs))

    async def read(self, request: provider.ReadRequest) -> provider.ReadResponse:
        row = self._row(_type(request.urn))
        state, inputs = Properties.from_wire(request.properties), Properties.from_wire(request.inputs)
        found = await asyncio.to_thread(self._lifecycle(row).read, request.resource_id, state.values)
        if found is None:
            return provider.ReadResponse()
        resource_id, new = found
        return provider.ReadResponse(
            resource_id=resource_id,
            properties=self._wire(row, new, state, inputs),
            inputs=self._wire(row, _inputs_now(row, inputs.values, state.values, new), state, inputs),
        )

    async def update(self, request: provider.UpdateRequest) -> provider.UpdateResponse:
        row = self._row(_type(request.urn))
        olds, news = Properties.from_wire(request.olds), Properties.from_wire(request.news)
        difference = self._compare(row, olds.values, news.values, request.ignore_changes)
        if request.preview:
            expected = self._expected_update(row, olds.values, news.values)
            return provider.UpdateResponse(properties=self._wire(row, expected, olds, news))
        changed = frozenset(change.name for change in difference.changes)
        state = await asyncio.to_thread(
            self._lifecycle(row).update,
            request.resource_id,
            olds.values,
            news.values,
            changed,
        )
        return provider.UpdateResponse(properties=self._wire(row, state, olds, news))

    async def delete(self, request: provider.DeleteRequest) -> None:
        row = self._row(_type(request.urn))
        state = Properties.from_wire(request.properties).values
        await asyncio.to_thread(self._lifecycle(row).delete, request.resource_id, state)

    async def invoke(self, request: provider.InvokeRequest) -> provider.InvokeResponse:
        function = FUNCTIONS.get(request.tok)
        if function is None:
            raise self.not_covered(request.tok)
        arguments = Properties.from_wire(request.args).values
        found = await asyncio.to_thread(function.answer, self._clients, arguments)
        secrets: frozenset[Path] = frozenset((name,) for name in function.secrets)
        return provider.InvokeResponse(return_value=Properties(found, secrets).to_wire())

    def _row(self, token: str) -> ResourceSpec:
        row: ResourceSpec | None = TABLE.get(token)
        if row is None:
            raise self.not_covered(token)
        return row

    def _lifecycle(self, row: ResourceSpec) -> Lifecycle:
        return Lifecycle(row, self._clients, self._stop)

    def _compare(
        self, row: ResourceSpec, state: Mapping[str, Any], news: Mapping[str, Any], ignored: list[str]
    ) -> Difference:
        wanted = {**news, "tagsAll": self._lifecycle(row).all_tags(news) or None} if row.tags else news
        return compare(row, state, wanted, ignored)

    def _expected(self, row: ResourceSpec, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """The state that a create will lead to, as far as it is known before."""
        unknown = {each.name: UNKNOWN for each in row.all_properties if not each.is_input or each.computed}
        known = {key: value for key, value in inputs.items() if key != DEFAULTS}
        tags = {"tagsAll": self._lifecycle(row).all_tags(inputs)} if row.tags else {}
        return {**unknown, **known, **tags}

    def _expected_update(self, row: ResourceSpec, olds: Mapping[str, Any], news: Mapping[str, Any]) -> dict[str, Any]:
        kept = {
            each.name: UNKNOWN if each.volatile else olds[each.name]
            for each in row.all_properties
            if each.name in olds and (not each.is_input or each.computed)
        }
        known = {key: value for key, value in news.items() if key != DEFAULTS}
        tags = {"tagsAll": self._lifecycle(row).all_tags(news)} if row.tags else {}
        return {**kept, **known, **tags}

    def _wire(self, row: ResourceSpec, state: Mapping[str, Any], *secretive: Properties) -> base.Wire:
        secrets: frozenset[Path] = frozenset((each.name,) for each in row.properties if each.secret)
        return Properties(dict(state), secrets).with_secrets_of(*secretive).to_wire()


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


def _inputs_now(
    row: ResourceSpec, inputs: Mapping[str, Any], before: Mapping[str, Any], now: Mapping[str, Any]
) -> dict[str, Any]:
    """The inputs that would give what is there now: as they were, with what has drifted; at an import, all of them."""
    if not inputs:
        found = {
            each.name: now[each.name]
            for each in row.inputs
            if now.get(each.name) is not None and not each.form.same(now[each.name], each.default)
        }
        return {**found, DEFAULTS: []}
    result = dict(inputs)
    for each in row.inputs:
        value = now.get(each.name)
        known = inputs if each.name in inputs else before
        if (value is not None or each.name in inputs) and not each.form.same(known.get(each.name), value):
            result[each.name] = value
    return {key: value for key, value in result.items() if value is not None}
