"""The life cycle that the engine drives, for every kind of object: check, diff, create, read, update, delete."""

from __future__ import annotations

import json
import secrets
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
from lab.plugins.kubernetes.replacement import changes_identity, requires_replacement
from lab.plugins.kubernetes.settings import Settings
from lab.plugins.values import UNKNOWN, Properties, contains_unknown, plain

VERSION: Final = "4.34.2"
"""Of the official plugin, and of the SDK `pulumi-kubernetes`."""

_GENERATED: Final = "bcdfghjklmnpqrstvwxz2456789"
"""The characters that Kubernetes makes generated names of: no vowels, so no words."""


class NothingToPatchError(PluginError):
    """The object whose fields a patch is to set is not there."""


class KubernetesPlugin(BasePlugin):
    """Applies objects of any kind to the cluster of a kubeconfig."""

    package = "kubernetes"

    def __init__(self) -> None:
        super().__init__()
        self._connection = Connection(Settings())

    @property
    def settings(self) -> Settings:
        return self._connection.settings

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
        given, old = Properties.from_wire(request.new_inputs), plain(request.old_inputs)
        values: dict[str, Any] = objects.normalized(given.values)
        kind = token.kind_of(values)
        values = {"apiVersion": kind.api_version, "kind": kind.kind} | values
        metadata = values.get("metadata", {})
        if problems := checks.problems(token, values, self.settings):
            raise InvalidInputError(f"{token.text} {request.name!r}", problems)
        if metadata is not UNKNOWN:
            values["metadata"] = checks.labelled(checks.named(request, metadata, old), old, self.settings)
            await self._settle_namespace(kind, values["metadata"])
        checked = objects.with_secrets(values, kind)
        return provider.CheckResponse(
            Properties(values, checked.secrets | given.secrets, given.dependencies).to_wire(),
        )

    async def diff(self, request: provider.DiffRequest) -> provider.DiffResponse:
        assert isinstance(request, DiffRequest)
        token = self._token(request.type)
        old_inputs, new_inputs = plain(request.old_inputs), plain(request.new_inputs)
        kind = token.kind_of(new_inputs)
        old = objects.desired(objects.normalized(old_inputs), token.kind_of(old_inputs))
        new = objects.desired(new_inputs, kind)
        await self._level_namespaces(kind, old["metadata"], new["metadata"])
        patch = token.is_patch(new_inputs)
        detailed = {}
        for path, change in differences(old, new):
            if not ignored(path, request.ignore_changes):
                replaced = changes_identity(path) or (
                    not patch and requires_replacement(path, kind, old_inputs, self.settings)
                )
                detailed[property_path(path)] = (property_diff(change, replace=replaced), replaced)
        replaces = [path for path, (_, replaced) in detailed.items() if replaced]
        same_place = name_of(old) == name_of(new) and namespace_of(old) == namespace_of(new)
        return provider.DiffResponse(
            changes=bool(detailed),
            replaces=replaces,
            diffs=sorted({path.split(".")[0].split("[")[0] for path in detailed}),
            detailed_diff={path: diff for path, (diff, _) in detailed.items()},
            delete_before_replace=bool(replaces) and same_place and annotation(new, objects.AUTONAMED) != "true",
        )

    async def create(self, request: provider.CreateRequest) -> provider.CreateResponse:
        token = self._token(request.type)
        inputs = Properties.from_wire(request.properties)
        if request.preview and contains_unknown(inputs.values):
            return provider.CreateResponse(properties=request.properties)
        if request.preview and name_of(inputs.values) is None:
            return provider.CreateResponse(properties=_unnamed(inputs).to_wire())
        kind, patch = token.kind_of(inputs.values), token.is_patch(inputs.values)
        try:
            target = await self._target(request.urn, kind, inputs.values, preview=request.preview)
            document = self._document(inputs.values, target)
            live = await self._create(target, document, patch=patch)
        except (*UNREACHABLE, NotServedError, AlreadyExistsError, NothingToPatchError, ApiError) as error:
            if request.preview and _may_change_by_then(error):
                return provider.CreateResponse(properties=request.properties)
            raise
        if request.preview:
            return provider.CreateResponse(properties=_previewed(live, kind, inputs, target))
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
            if request.preview and _may_change_by_then(error):
                return provider.UpdateResponse(request.news)
            raise
        if request.preview:
            return provider.UpdateResponse(_previewed(live, kind, inputs, target))
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
            target = Target(resource, namespace, name, _field_manager(old_inputs.values, old.values))
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
            now, before = objects.recorded(live), old.values
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
            found = await apply.delete(client, target, propagation.capitalize())
            if found and annotation(document, objects.SKIP_AWAIT) != "true":
                uid = (old.get("metadata") or {}).get("uid")
                timeout = _timeout(request.timeout, document)
                await readiness.until_gone(client, target, uid, timeout=timeout, cancelled=self.cancelled)
        except NotServedError:
            return  # with its definition, every object of the kind went
        except UNREACHABLE as error:
            if not self.settings.delete_unreachable:
                raise _unreachable(error) from error
            await self.engine.warn(f"{error.problem}; taken out of the state all the same", urn=request.urn)

    def _token(self, qualified_type: str) -> Token:
        """The resource's own type: a URN has those of its parents before it, parted by `$`."""
        text = qualified_type.rpartition("$")[2]
        token = Token.parse(text)
        if token is None:
            raise self.not_covered(text)
        return token

    async def _settle_namespace(self, kind: Kind, metadata: dict[str, Any]) -> None:
        """Set the default namespace where one is due, and none where the kind has none."""
        namespaced = await self._connection.namespaced(kind)
        if namespaced is False:
            metadata.pop("namespace", None)
        elif namespaced and not metadata.get("namespace", ""):
            metadata["namespace"] = self._connection.default_namespace

    async def _level_namespaces(self, kind: Kind, old: dict[str, Any], new: dict[str, Any]) -> None:
        """A namespace that only one side names is no change: it was not known, or the kind has none."""
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
        resource = await self._connection.resource(kind)
        default = self._connection.default_namespace
        if identity is not None:
            namespace, name = objects.parse_id(identity, namespaced=resource.namespaced, default_namespace=default)
        else:
            namespace = (namespace_of(document) or default) if resource.namespaced else None
            name = name_of(document) or _generated(document)

        async def warn(text: str) -> None:
            if not (self.settings.suppress_deprecation_warnings and "deprecated" in text):
                await self.engine.warn(text, urn=urn)

        return Target(
            resource,
            namespace,
            name,
            _field_manager(document, old or {}),
            force=self.settings.enable_patch_force or annotation(document, objects.PATCH_FORCE) == "true",
            dry_run=preview,
            on_warning=warn,
        )

    def _document(self, inputs: Mapping[str, Any], target: Target) -> dict[str, Any]:
        document = objects.desired(inputs, target.resource.kind)
        metadata = {key: value for key, value in document["metadata"].items() if key != "namespace"}
        document["metadata"] = {**metadata, "name": target.name}
        if target.namespace is not None:
            document["metadata"]["namespace"] = target.namespace
        return document

    async def _create(self, target: Target, document: Mapping[str, Any], *, patch: bool) -> dict[str, Any]:
        client = self._connection.client
        if not self.settings.enable_server_side_apply:
            return await apply.create_client_side(client, target, document)
        exists = await apply.get(client, target) is not None
        if patch and not exists:
            raise NothingToPatchError(
                f"{target.display} does not exist, so there is nothing to patch",
                fix=f"declare a {target.resource.kind.kind} to create it, or make this patch depend on what creates it",
            )
        if exists and not patch and not self.settings.upsert_existing_objects:
            raise AlreadyExistsError(target)
        return await apply.apply(client, target, document)

    async def _update(
        self,
        target: Target,
        inputs: Mapping[str, Any],
        old_inputs: Mapping[str, Any],
        ignore_changes: list[str],
    ) -> dict[str, Any]:
        document = self._document(inputs, target)
        if self.settings.enable_server_side_apply:
            return await apply.update(self._connection.client, target, document, keep=ignore_changes)
        old = self._document(old_inputs, target)
        return await apply.update_client_side(self._connection.client, target, old, document)

    async def _ready(
        self,
        target: Target,
        live: dict[str, Any],
        inputs: Properties,
        timeout: float,  # noqa: ASYNC109 - the engine gives one for each operation
        *,
        patch: bool,
    ) -> dict[str, Any]:
        """Wait for the object, unless it is another's or need not be waited for; as it then is."""
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
            await self.engine.warn(f"{error.problem}; taken out of the state", urn=request.urn)
            return provider.ReadResponse()
        if self.settings.skip_update_unreachable:
            await self.engine.warn(f"{error.problem}; the state is kept as it was", urn=request.urn)
            return provider.ReadResponse(request.resource_id, request.properties, request.inputs)
        raise _unreachable(error) from error


def _previewed(live: Mapping[str, Any], kind: Kind, inputs: Properties, target: Target) -> Any:
    """What a dry run lets a preview show: all but the status, which only the real object gets."""
    values = {key: value for key, value in live.items() if key != "status"}
    return objects.state(values, kind, inputs, target.field_manager).to_wire()


def _unnamed(inputs: Properties) -> Properties:
    """The inputs of an object whose name the update will generate."""
    metadata = {**inputs.values["metadata"], "name": UNKNOWN}
    return replace(inputs, values={**inputs.values, "metadata": metadata})


def _may_change_by_then(error: PluginError) -> bool:
    """Whether what fails at preview can succeed in the update: a namespace, a definition or the cluster itself may be
    made before, an object of the same name deleted, a role granted. What the API server calls invalid stays so.
    """
    return not isinstance(error, ApiError) or error.reason in {"NotFound", "Forbidden"}


def _field_manager(document: Mapping[str, Any], old: Mapping[str, Any]) -> str:
    """The annotation's, that of the last update, or a new one: each resource is a manager of its own."""
    given = annotation(document, objects.PATCH_FIELD_MANAGER)
    return given or old.get(objects.FIELD_MANAGER) or f"pulumi-kubernetes-{secrets.token_hex(4)}"


def _generated(document: Mapping[str, Any]) -> str:
    """A name as the API server would generate it; made here, as server-side apply needs one."""
    stem: str = document["metadata"]["generateName"]
    return stem + "".join(secrets.choice(_GENERATED) for _ in range(5))


def _timeout(given: float, document: Mapping[str, Any]) -> float:
    """Seconds to wait: the resource option `custom_timeouts`, else the annotation, else ten minutes."""
    text = annotation(document, objects.TIMEOUT_SECONDS)
    return given or (readiness.DEFAULT_TIMEOUT if text is None else float(text))


def _unreachable(error: PluginError) -> PluginError:
    return PluginError(
        error.problem,
        fix="if the cluster is gone for good, set PULUMI_K8S_DELETE_UNREACHABLE=true to take its objects out of the "
        "state",
    )
