"""The kubernetes plugin's provider: check, diff, create, read, update and delete for every kind of object."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from pulumi.provider.experimental import provider

from lab.plugins.base import BasePlugin, DeleteRequest, DiffRequest, UpdateRequest
from lab.plugins.errors import InitError, InvalidInputError, PluginError
from lab.plugins.kubernetes import apply, objects, readiness
from lab.plugins.kubernetes import inputs as checks
from lab.plugins.kubernetes.apply import AlreadyExistsError, Target
from lab.plugins.kubernetes.client import ApiError
from lab.plugins.kubernetes.configuration import diff_configuration
from lab.plugins.kubernetes.connection import UNREACHABLE, Connection
from lab.plugins.kubernetes.diff import differences, ignored, property_diff, property_path
from lab.plugins.kubernetes.discovery import Kind, NotServedError
from lab.plugins.kubernetes.objects import Token, annotation, name_of, namespace_of
from lab.plugins.kubernetes.preview import may_change, previewed, unnamed
from lab.plugins.kubernetes.replacement import changes_identity, requires_replacement
from lab.plugins.kubernetes.settings import Settings, settings_schema
from lab.plugins.kubernetes.target import build_target, document_for, field_manager, warning_sink
from lab.plugins.values import UNKNOWN, Properties, contains_unknown, plain

VERSION: Final = "4.34.2"
"""The version of the official plugin and of the SDK `pulumi-kubernetes`."""


class KubernetesPlugin(BasePlugin):
    """The provider of objects of every kind in the cluster of a kubeconfig."""

    package = "kubernetes"

    def __init__(self) -> None:
        super().__init__()
        self._connection = Connection(Settings())

    @property
    def settings(self) -> Settings:
        return self._connection.settings

    async def get_schema(self, request: provider.GetSchemaRequest) -> provider.GetSchemaResponse:
        """Return the schema of the provider's settings: YAML programs need it to declare a provider of their own.

        The kinds of objects are not in it. SDKs of other languages have them from the official plugin.
        """
        del request
        schema = {"name": self.package, "version": VERSION, "provider": {"inputProperties": settings_schema()}}
        return provider.GetSchemaResponse(json.dumps(schema))

    async def check_config(self, request: provider.CheckRequest) -> provider.CheckResponse:
        Settings.parse(
            {
                f"kubernetes:config:{key}": value if isinstance(value, str) else json.dumps(value)
                for key, value in plain(request.new_inputs).items()
                if not contains_unknown(value)
            },
        )
        return provider.CheckResponse(request.new_inputs)

    async def diff_config(self, request: provider.DiffRequest) -> provider.DiffResponse:
        return diff_configuration(plain(request.old_state), plain(request.new_inputs))

    async def configure(self, request: provider.ConfigureRequest) -> provider.ConfigureResponse:
        settings = Settings.parse(request.variables)
        await self._connection.close()
        self._connection = Connection(settings)
        return await super().configure(request)

    async def close(self) -> None:
        """Close the connection to the API server."""
        await self._connection.close()

    async def check(self, request: provider.CheckRequest) -> provider.CheckResponse:
        token = self._token(request.type)
        new, old = Properties.from_wire(request.new_inputs), plain(request.old_inputs)
        values: dict[str, Any] = objects.normalized(new.values)
        kind = token.kind_of(values)
        values = {"apiVersion": kind.api_version, "kind": kind.kind} | values
        metadata = values.get("metadata", {})
        if problems := checks.problems(token, values, self.settings):
            raise InvalidInputError(f"{token.text} {request.name!r}", problems)
        if metadata is not UNKNOWN:
            values["metadata"] = checks.with_label(checks.with_name(request, metadata, old), old, self.settings)
            await self._set_namespace(kind, values["metadata"])
        checked = objects.with_secrets(values, kind)
        return provider.CheckResponse(
            Properties(values, checked.secrets | new.secrets, new.dependencies).to_wire(),
        )

    async def diff(self, request: provider.DiffRequest) -> provider.DiffResponse:
        assert isinstance(request, DiffRequest)
        token = self._token(request.type)
        old_inputs, new_inputs = plain(request.old_inputs), plain(request.new_inputs)
        kind = token.kind_of(new_inputs)
        old = objects.desired(objects.normalized(old_inputs), token.kind_of(old_inputs))
        new = objects.desired(new_inputs, kind)
        await self._ignore_implicit_namespace(kind, old["metadata"], new["metadata"])
        patch = token.is_patch(new_inputs)
        detailed = {}
        for path, change in differences(old, new):
            if not ignored(path, request.ignore_changes):
                replaced = changes_identity(path) or (
                    not patch and requires_replacement(path, kind, old_inputs, self.settings)
                )
                detailed[property_path(path)] = (property_diff(change, replace=replaced), replaced)
        replaces = [path for path, (_, replaced) in detailed.items() if replaced]
        same_identity = name_of(old) == name_of(new) and namespace_of(old) == namespace_of(new)
        return provider.DiffResponse(
            changes=bool(detailed),
            replaces=replaces,
            diffs=sorted({path.split(".")[0].split("[")[0] for path in detailed}),
            detailed_diff={path: diff for path, (diff, _) in detailed.items()},
            delete_before_replace=bool(replaces) and same_identity and annotation(new, objects.AUTONAMED) != "true",
        )

    async def create(self, request: provider.CreateRequest) -> provider.CreateResponse:
        token = self._token(request.type)
        inputs = Properties.from_wire(request.properties)
        if request.preview and contains_unknown(inputs.values):
            return provider.CreateResponse(properties=request.properties)
        if request.preview and name_of(inputs.values) is None:
            return provider.CreateResponse(properties=unnamed(inputs).to_wire())
        kind, patch = token.kind_of(inputs.values), token.is_patch(inputs.values)
        try:
            target = await self._target(request.urn, kind, inputs.values, preview=request.preview)
            document = document_for(inputs.values, target)
            live = await self._create(target, document, patch=patch)
        except (*UNREACHABLE, NotServedError, AlreadyExistsError, ApiError) as error:
            if request.preview and may_change(error):
                return provider.CreateResponse(properties=request.properties)
            raise
        if request.preview:
            return provider.CreateResponse(properties=previewed(live, kind, inputs, target))
        live = await self._ready(target, live, inputs, request.timeout, patch=patch)
        state = objects.state(live, kind, inputs, target.field_manager)
        return provider.CreateResponse(objects.object_id(live), state.to_wire())

    async def update(self, request: provider.UpdateRequest) -> provider.UpdateResponse:
        assert isinstance(request, UpdateRequest)
        token = self._token(request.type)
        inputs = Properties.from_wire(request.news)
        if request.preview and contains_unknown(inputs.values):
            return provider.UpdateResponse(request.news)
        kind, patch = token.kind_of(inputs.values), token.is_patch(inputs.values)
        old = plain(request.olds)
        try:
            target = await self._target(
                request.urn, kind, inputs.values, old, preview=request.preview, identity=request.resource_id
            )
            live = await self._update(target, inputs.values, plain(request.old_inputs), request.ignore_changes)
        except (*UNREACHABLE, NotServedError, ApiError) as error:
            if request.preview and may_change(error):
                return provider.UpdateResponse(request.news)
            raise
        if request.preview:
            return provider.UpdateResponse(previewed(live, kind, inputs, target))
        live = await self._ready(target, live, inputs, request.timeout, patch=patch)
        return provider.UpdateResponse(objects.state(live, kind, inputs, target.field_manager).to_wire())

    async def read(self, request: provider.ReadRequest) -> provider.ReadResponse:
        token = self._token(request.type)
        old = Properties.from_wire(request.properties)
        old_inputs = Properties.from_wire(request.inputs)
        kind = token.kind_of(old_inputs.values or old.values)
        try:
            resource = await self._connection.resource(kind)
            namespace, name = objects.parse_id(
                request.resource_id,
                namespaced=resource.namespaced,
                default_namespace=self._connection.default_namespace,
            )
            target = Target(resource, namespace, name, field_manager(old_inputs.values, old.values))
            live = await apply.get(self._connection.client, target)
        except NotServedError:
            if not old_inputs.values:
                raise
            return provider.ReadResponse()
        except UNREACHABLE as error:
            return await self._read_unreachable(request, error)
        if live is None:
            return provider.ReadResponse()
        if not old_inputs.values:
            if token.is_patch({}):
                raise PluginError(f"{token.text} cannot be imported", fix=f"import the {kind.kind} itself")
            inputs = objects.with_secrets(objects.inputs_of(live), kind, old)
        else:
            now, before = objects.without_bookkeeping(live), old.values
            if objects.is_secret(kind):
                now, before = objects.with_plain_data(now), objects.with_plain_data(before)
            values = objects.drifted(old_inputs.values, before, now)
            inputs = objects.with_secrets(values, kind, old_inputs)
        state = objects.state(live, kind, inputs, target.field_manager).with_secrets_of(old)
        return provider.ReadResponse(request.resource_id, state.to_wire(), inputs.to_wire())

    async def delete(self, request: provider.DeleteRequest) -> None:
        assert isinstance(request, DeleteRequest)
        token = self._token(request.type)
        old, inputs = plain(request.properties), plain(request.old_inputs)
        document = inputs or old
        kind = token.kind_of(document)
        try:
            target = await self._target(request.urn, kind, document, old, preview=False, identity=request.resource_id)
            client = self._connection.client
            if token.is_patch(document):
                await apply.release(client, target)
                return
            propagation = annotation(document, objects.DELETION_PROPAGATION) or "foreground"
            exists = await apply.delete(client, target, propagation.capitalize())
            if exists and annotation(document, objects.SKIP_AWAIT) != "true":
                uid = (old.get("metadata") or {}).get("uid")
                timeout = _timeout(request.timeout, document)
                await readiness.until_gone(client, target, uid, timeout=timeout, cancelled=self.cancelled)
        except NotServedError:
            return  # the definition was deleted, and every object of the kind with it
        except UNREACHABLE as error:
            if not self.settings.delete_unreachable:
                raise _unreachable(error) from error
            await self.engine.warn(f"{error.problem}; removed from the state nevertheless", urn=request.urn)

    def _token(self, qualified_type: str) -> Token:
        """Return the token of the resource's own type: a URN also has those of its parents, separated by `$`."""
        text = qualified_type.rpartition("$")[2]
        token = Token.parse(text)
        if token is None:
            raise self.not_covered(text)
        return token

    async def _set_namespace(self, kind: Kind, metadata: dict[str, Any]) -> None:
        """Set the default namespace of a namespaced object, and remove the namespace of any other."""
        namespaced = await self._connection.namespaced(kind)
        if namespaced is False:
            metadata.pop("namespace", None)
        elif namespaced and not metadata.get("namespace", ""):
            metadata["namespace"] = self._connection.default_namespace

    async def _ignore_implicit_namespace(self, kind: Kind, old: dict[str, Any], new: dict[str, Any]) -> None:
        """Remove a namespace that only one side has: it was unknown before, or the kind is not namespaced."""
        if "namespace" not in old or "namespace" not in new or await self._connection.namespaced(kind) is False:
            old.pop("namespace", None)
            new.pop("namespace", None)

    async def _target(
        self,
        urn: str,
        kind: Kind,
        document: Mapping[str, Any],
        old: Mapping[str, Any] | None = None,
        *,
        preview: bool,
        identity: str | None = None,
    ) -> Target:
        target = await build_target(self._connection, kind, document, old or {}, preview=preview, identity=identity)
        return replace(target, on_warning=warning_sink(self._connection, self.engine, urn))

    async def _create(self, target: Target, document: Mapping[str, Any], *, patch: bool) -> dict[str, Any]:
        client = self._connection.client
        if not self.settings.enable_server_side_apply:
            return await apply.create_client_side(client, target, document)
        if not patch and not self.settings.upsert_existing_objects and await apply.get(client, target) is not None:
            raise AlreadyExistsError(target)
        return await apply.apply(client, target, document)

    async def _update(
        self,
        target: Target,
        inputs: Mapping[str, Any],
        old_inputs: Mapping[str, Any],
        ignore_changes: list[str],
    ) -> dict[str, Any]:
        document = document_for(inputs, target)
        if self.settings.enable_server_side_apply:
            return await apply.update(self._connection.client, target, document, keep=ignore_changes)
        old = document_for(old_inputs, target)
        return await apply.update_client_side(self._connection.client, target, old, document)

    async def _ready(
        self,
        target: Target,
        live: dict[str, Any],
        inputs: Properties,
        timeout: float,  # noqa: ASYNC109 - the engine passes one for each operation
        *,
        patch: bool,
    ) -> dict[str, Any]:
        """Wait until the object is ready, unless it is patched or its annotation skips it. Return the new version."""
        if patch or annotation(inputs.values, objects.SKIP_AWAIT) == "true":
            return live
        client = self._connection.client
        limit = _timeout(timeout, inputs.values)
        try:
            live = await readiness.until_ready(client, target, live, timeout=limit, cancelled=self.cancelled)
            if live["kind"] == "CustomResourceDefinition":
                await readiness.until_served(live, self._connection.resource)
        except (readiness.FailedError, readiness.WaitError) as error:
            now = await apply.get(client, target) or live
            raise InitError(
                error.problem,
                fix=error.fix,
                resource_id=objects.object_id(now),
                properties=objects.state(now, target.resource.kind, inputs, target.field_manager).to_wire(),
                inputs=inputs.to_wire(),
            ) from error
        return live

    async def _read_unreachable(self, request: provider.ReadRequest, error: PluginError) -> provider.ReadResponse:
        if self.settings.delete_unreachable:
            await self.engine.warn(f"{error.problem}; removed from the state", urn=request.urn)
            return provider.ReadResponse()
        if self.settings.skip_update_unreachable:
            await self.engine.warn(f"{error.problem}; the state is unchanged", urn=request.urn)
            return provider.ReadResponse(request.resource_id, request.properties, request.inputs)
        raise _unreachable(error) from error


def _timeout(option: float, document: Mapping[str, Any]) -> float:
    """Return the seconds to wait: the resource option `custom_timeouts`, the annotation, or ten minutes."""
    text = annotation(document, objects.TIMEOUT_SECONDS)
    return option or (readiness.DEFAULT_TIMEOUT if text is None else float(text))


def _unreachable(error: PluginError) -> PluginError:
    return PluginError(
        error.problem,
        fix="if the cluster was deleted, set PULUMI_K8S_DELETE_UNREACHABLE=true to remove its objects from the state",
    )
