"""Base class of the resources that this library creates, reads, updates and deletes itself.

In a Python program the engine runs such a resource's provider as a dynamic provider. For programs of other languages
this is not possible, because the engine would run the first `python3` on PATH, without this library. There the plugin
serves the same provider classes as resources of the package `eks-identity`.
"""

import pickle
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar

import pulumi
import pulumi.dynamic
from pulumi.provider.experimental.util import camel_case

from eks_identity.runtime.program_state import per_program

PACKAGE = "eks-identity"
DYNAMIC = "pulumi-python"
"""The package of all dynamic resources of Python programs."""
_CONFIG_KEYS = ("eks-identity:profile", "aws:profile")
"""Config of the stack that the providers read. The engine passes it only to a default provider."""


SECRET_INPUTS = "__secret_inputs"  # noqa: S105 - a name
"""An input of each resource in Python programs: the names of the secret inputs.

The engine passes plain values to a dynamic provider. The plugin does not need it: the engine marks the secrets there.
"""


class PluginProcess:
    """State of the plugin's process. Only `plugin.main` sets it."""

    version: str | None = None
    """The plugin's version, None in Python programs. Its resources request it, so that this plugin serves them."""


class ProviderReference(pulumi.dynamic.ResourceProvider):
    """A provider by name. It is pickled as a call of `load`, so that a program need not import the provider's module.

    The engine calls the provider's methods in another process, and never those of the reference.
    """

    serialize_as_secret_always = False

    def __init__(self, load: Callable[[str], pulumi.dynamic.ResourceProvider], name: str) -> None:
        self._load = load
        self._name = name

    def __reduce__(self) -> tuple[Any, ...]:
        return self._load, (self._name,)

    def load(self) -> pulumi.dynamic.ResourceProvider:
        """Import the provider's module, and return the provider."""
        return self._load(self._name)


class EksIdentityResource(pulumi.dynamic.Resource):
    """A resource whose `provider` is a class of this library.

    Names of properties are in snake case in `props` and in the provider. The plugin sends the engine camel case.
    """

    provider: ClassVar[ProviderReference]
    secrets: ClassVar[Sequence[str]]

    def __init_subclass__(
        cls,
        provider: ProviderReference,
        secrets: Sequence[str] = (),
        **kwargs: Any,
    ) -> None:
        """Declare a resource. The properties in `secrets` are encrypted in the state and never shown."""
        super().__init_subclass__(module=PACKAGE, name=cls.__name__, **kwargs)
        cls.provider = provider
        cls.secrets = secrets

    def __init__(self, name: str, props: Mapping[str, Any], opts: pulumi.ResourceOptions | None = None) -> None:
        inputs = {
            key: pulumi.Output.secret(value) if key in self.secrets and value is not None else value
            for key, value in props.items()
        }
        if PluginProcess.version is None:
            inputs[SECRET_INPUTS] = _secret_inputs(
                {key: value for key, value in props.items() if key not in self.secrets}
            )
        self._wire_names = {key: camel_case(key) for key in inputs} if PluginProcess.version else {}
        self._python_names = {wire: key for key, wire in self._wire_names.items()}
        secret = pulumi.ResourceOptions(additional_secret_outputs=list(self.secrets), version=PluginProcess.version)
        opts = pulumi.ResourceOptions.merge(opts, secret)
        if PluginProcess.version is None:
            provider = _explicit_provider()
            if provider is not None:
                opts = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(provider=provider))
            with _pickler_restored():
                super().__init__(self.provider, name, inputs, opts)
        else:
            pulumi.CustomResource.__init__(self, f"{PACKAGE}:index:{type(self).__name__}", name, inputs, opts)

    @classmethod
    def token(cls) -> str:
        """Return the type token, which is that of a dynamic resource in Python programs."""
        name = cls._resource_type_name
        return f"{PACKAGE}:index:{cls.__name__}" if PluginProcess.version else f"pulumi-python:{name}"

    def translate_input_property(self, prop: str) -> str:
        return self._wire_names.get(prop, prop)

    def translate_output_property(self, prop: str) -> str:
        return self._python_names.get(prop, prop)


@contextmanager
def _pickler_restored() -> Iterator[None]:
    """Restore the class of pickle that the SDK changes when it serializes the provider of a dynamic resource.

    The SDK replaces two methods by wrappers of them and never restores them. After about 900 resources in one program,
    pickling anything fails with a `RecursionError`.
    """
    pickler: Any = pickle._Pickler  # noqa: SLF001 - the class that the SDK changes
    batch, mapping = pickler._batch_setitems, pickler.save_dict  # noqa: SLF001
    try:
        yield
    finally:
        pickler._batch_setitems, pickler.save_dict = batch, mapping  # noqa: SLF001


def _secret_inputs(props: Mapping[str, Any]) -> pulumi.Output[list[str] | None] | None:
    """Return the names of the properties that contain a secret, None if there is none."""
    outputs = {key: list(_outputs(value)) for key, value in props.items()}
    if not any(outputs.values()):
        return None

    async def names() -> list[str] | None:
        secret = [key for key, within in outputs.items() if any([await output.is_secret() for output in within])]
        return sorted(secret) or None

    return pulumi.Output.from_input(names())


def _outputs(value: Any) -> Iterator[pulumi.Output[Any]]:
    if isinstance(value, pulumi.Output):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _outputs(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _outputs(item)


def _explicit_provider() -> pulumi.ProviderResource | None:
    """Return the program's provider for dynamic resources if the stack disables the default one, None otherwise.

    `pulumi:disable-default-providers` disables it with `*` or `pulumi-python`. Programs cannot declare such a provider.
    """
    disabled = pulumi.Config("pulumi").get_object("disable-default-providers") or []
    if {"*", DYNAMIC}.isdisjoint(map(str.strip, disabled)):
        return None
    return per_program("dynamic provider", lambda: pulumi.ProviderResource(DYNAMIC, PACKAGE, _config()))


def _config() -> dict[str, str]:
    keys = {key: pulumi.Config(key.partition(":")[0]).get(key.partition(":")[2]) for key in _CONFIG_KEYS}
    return {key: value for key, value in keys.items() if value is not None}
