"""Create, read, update and delete of the resources that the library serves itself.

The provider classes are those of the dynamic resources. They get the values that a dynamic provider would get: plain
Python values, names in snake case, `UNKNOWN` for values that a preview cannot resolve. Secret inputs are returned as
secrets.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from google.protobuf.struct_pb2 import Struct
from pulumi.dynamic import Config, ConfigureRequest, ResourceProvider
from pulumi.provider.experimental.property_value import Computed, PropertyValue
from pulumi.provider.experimental.util import camel_case
from pulumi.runtime import rpc
from pulumi.runtime.proto import provider_pb2
from pulumi.runtime.rpc import UNKNOWN

from eks_identity.plugin.exports import served_resources
from eks_identity.plugin.wire import snake_case
from eks_identity.runtime.custom_resource import SECRET_INPUTS

_CHANGES = {
    True: provider_pb2.DiffResponse.DIFF_SOME,
    False: provider_pb2.DiffResponse.DIFF_NONE,
    None: provider_pb2.DiffResponse.DIFF_UNKNOWN,
}


@dataclass(frozen=True)
class Properties:
    """Inputs or outputs of a resource, and the names of the secret properties."""

    values: dict[str, Any]
    secrets: frozenset[str]

    @classmethod
    def of(cls, struct: Struct, secrets: Collection[str]) -> "Properties":
        """Return the properties in a request. Those in `secrets` are secret even if the engine does not mark them."""
        wire = {snake_case(name): value for name, value in PropertyValue.unmarshal_map(struct).items()}
        marked = {name for name, value in wire.items() if value.contains_secret()}
        values = {name: _plain(value) for name, value in wire.items()}
        return cls({**values, SECRET_INPUTS: sorted(marked.difference(secrets))}, frozenset(marked.union(secrets)))

    def struct(self, values: Mapping[str, Any] | None) -> Struct:
        """Return `values` in the engine's format, with the secrets of these properties marked."""
        return PropertyValue.marshal_map(
            {
                camel_case(name): _wire(value).with_secret(name in self.secrets and value is not None)
                for name, value in (values or {}).items()
                if name != SECRET_INPUTS
            }
        )


class OwnResources:
    """Passes the engine's requests to the provider of a resource's type."""

    def __init__(self) -> None:
        self._types = served_resources()
        self._providers: dict[str, ResourceProvider] = {}
        self._config: dict[str, str] = {}

    def configure(self, config: Mapping[str, str]) -> None:
        """Set the program's config: the AWS `profile`, for resources that call AWS themselves.

        The engine's keys are `eks-identity:config:profile`, those of programs `eks-identity:profile`.
        """
        self._config = {name.replace(":config:", ":", 1): value for name, value in config.items() if value}
        self._providers.clear()

    def check(self, request: provider_pb2.CheckRequest) -> provider_pb2.CheckResponse:
        provider, secrets = self._serving(request.urn)
        olds, news = Properties.of(request.olds, secrets), Properties.of(request.news, secrets)
        result = provider.check(olds.values, news.values)
        return provider_pb2.CheckResponse(
            inputs=news.struct(result.inputs),
            failures=[
                provider_pb2.CheckFailure(property=camel_case(failure.property), reason=failure.reason)
                for failure in result.failures
            ],
        )

    def diff(self, request: provider_pb2.DiffRequest) -> provider_pb2.DiffResponse:
        provider, secrets = self._serving(request.urn)
        olds, news = Properties.of(request.olds, secrets), Properties.of(request.news, secrets)
        ignored = {snake_case(name): olds.values.get(snake_case(name)) for name in request.ignoreChanges}
        result = provider.diff(request.id, olds.values, news.values | ignored)
        return provider_pb2.DiffResponse(
            changes=_CHANGES[result.changes],
            replaces=[camel_case(name) for name in result.replaces or ()],
            stables=[camel_case(name) for name in result.stables or ()],
            deleteBeforeReplace=bool(result.delete_before_replace),
        )

    def create(self, request: provider_pb2.CreateRequest) -> provider_pb2.CreateResponse:
        provider, secrets = self._serving(request.urn)
        news = Properties.of(request.properties, secrets)
        if request.preview:
            return provider_pb2.CreateResponse(properties=request.properties)
        result = provider.create(news.values)
        return provider_pb2.CreateResponse(id=result.id, properties=news.struct(result.outs))

    def read(self, request: provider_pb2.ReadRequest) -> provider_pb2.ReadResponse:
        provider, secrets = self._serving(request.urn)
        props = Properties.of(request.properties or request.inputs, secrets)
        result = provider.read(request.id, props.values)
        return provider_pb2.ReadResponse(
            id=result.id or "",
            properties=props.struct(result.outs),
            inputs=request.inputs if result.inputs is None else props.struct(result.inputs),
        )

    def update(self, request: provider_pb2.UpdateRequest) -> provider_pb2.UpdateResponse:
        provider, secrets = self._serving(request.urn)
        olds, news = Properties.of(request.olds, secrets), Properties.of(request.news, secrets)
        if request.preview:
            return provider_pb2.UpdateResponse(properties=request.news)
        result = provider.update(request.id, olds.values, news.values)
        return provider_pb2.UpdateResponse(properties=news.struct(result.outs))

    def delete(self, request: provider_pb2.DeleteRequest) -> None:
        provider, secrets = self._serving(request.urn)
        provider.delete(request.id, Properties.of(request.properties, secrets).values)

    def _serving(self, urn: str) -> tuple[ResourceProvider, Collection[str]]:
        """Return the provider for the resource with this URN, and the names of its secret properties."""
        name = urn.split("::")[2].rpartition("$")[2].rpartition(":")[2]
        resource_class = self._types[name]
        if name not in self._providers:
            provider = resource_class.provider.load()
            provider.configure(ConfigureRequest(Config(self._config, "")))
            self._providers[name] = provider
        return self._providers[name], resource_class.secrets


def _plain(value: PropertyValue) -> Any:
    inner = value.value
    if isinstance(inner, Computed):
        return UNKNOWN
    if isinstance(inner, Mapping):
        return {key: _plain(item) for key, item in inner.items()}
    if isinstance(inner, tuple):
        return [_plain(item) for item in inner]
    return int(inner) if isinstance(inner, float) and inner.is_integer() else inner


def _wire(value: Any) -> PropertyValue:
    if value == UNKNOWN:
        return PropertyValue.computed()
    if rpc.is_rpc_secret(value):
        return _wire(value["value"]).with_secret(is_secret=True)
    if isinstance(value, Mapping):
        return PropertyValue({key: _wire(item) for key, item in value.items()})
    if isinstance(value, list | tuple):
        return PropertyValue([_wire(item) for item in value])
    return PropertyValue(float(value) if isinstance(value, int) and not isinstance(value, bool) else value)
