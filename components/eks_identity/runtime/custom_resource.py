"""The base of the resources that this library creates, reads, changes and deletes itself.

In a Python program the engine runs such a resource's provider as a dynamic provider. In the plugin that serves programs
of other languages it cannot: the engine would take whatever `python3` is first on PATH, without this library. There the
plugin itself serves the same provider classes, as resources of the package `eks-identity`.
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
"""The engine's package of all dynamic resources of Python programs."""
_READ_FROM_CONFIG = ("eks-identity:profile", "aws:profile")
"""What the providers read from the stack's config, all of which only a default provider gets."""


SECRET_INPUTS = "__secret_inputs"  # noqa: S105 - a name
"""An input of each resource in Python programs: the names of the inputs that are secrets.

The engine hands a dynamic provider plain values. The plugin does not need it: the engine marks what it sends there.
"""


class PluginProcess:
    """Whether this process is the plugin; `hosting.main` says so, and nothing else does."""

    version: str | None = None
    """The plugin's version, which its resources ask the engine for: so this plugin serves them, and no other."""


class ProviderReference(pulumi.dynamic.ResourceProvider):
    """A provider by name. It is pickled as a call of `load`, so that a program need not import the provider's module.

    The engine calls the provider's methods in a process of its own, and never those of the reference.
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

    Names of properties are Python's in `props` and in the provider; the plugin speaks to the engine in camel case.
    """

    provider: ClassVar[ProviderReference]
    secrets: ClassVar[Sequence[str]]

    def __init_subclass__(
        cls,
        provider: ProviderReference,
        secrets: Sequence[str] = (),
        **kwargs: Any,
    ) -> None:
        """`secrets` names the properties that are never shown, in the state either."""
        super().__init_subclass__(module=PACKAGE, name=cls.__name__, **kwargs)
        cls.provider = provider
        cls.secrets = secrets

    def __init__(self, name: str, props: Mapping[str, Any], opts: pulumi.ResourceOptions | None = None) -> None:
        per_program = {
            key: pulumi.Output.secret(value) if key in self.secrets and value is not None else value
            for key, value in props.items()
        }
        if PluginProcess.version is None:
            per_program[SECRET_INPUTS] = _secret_inputs(
                {key: value for key, value in props.items() if key not in self.secrets}
            )
        self._wire_names = {key: camel_case(key) for key in per_program} if PluginProcess.version else {}
        self._python_names = {wire: key for key, wire in self._wire_names.items()}
        secret = pulumi.ResourceOptions(additional_secret_outputs=list(self.secrets), version=PluginProcess.version)
        opts = pulumi.ResourceOptions.merge(opts, secret)
        if PluginProcess.version is None:
            provider = _explicit_provider()
            if provider is not None:
                opts = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(provider=provider))
            with _pickler_restored():
                super().__init__(self.provider, name, per_program, opts)
        else:
            pulumi.CustomResource.__init__(self, f"{PACKAGE}:index:{type(self).__name__}", name, per_program, opts)

    @classmethod
    def token(cls) -> str:
        """Its type token in the engine, which depends on who serves it."""
        name = cls._resource_type_name
        return f"{PACKAGE}:index:{cls.__name__}" if PluginProcess.version else f"pulumi-python:{name}"

    def translate_input_property(self, prop: str) -> str:
        return self._wire_names.get(prop, prop)

    def translate_output_property(self, prop: str) -> str:
        return self._python_names.get(prop, prop)


@contextmanager
def _pickler_restored() -> Iterator[None]:
    """Undo what the SDK does to pickle's own class when it serializes the provider of a dynamic resource.

    It replaces two methods with ones that call those they replaced, and never puts them back: after about 900 resources
    in one program, pickling anything at all ends in a `RecursionError`.
    """
    pickler: Any = pickle._Pickler  # noqa: SLF001 - the class that the SDK changes
    batch, mapping = pickler._batch_setitems, pickler.save_dict  # noqa: SLF001
    try:
        yield
    finally:
        pickler._batch_setitems, pickler.save_dict = batch, mapping  # noqa: SLF001


def _secret_inputs(props: Mapping[str, Any]) -> pulumi.Output[list[str] | None] | None:
    """The names of those of `props` that have a secret in them; None where there is none."""
    outputs = {key: list(_outputs(value)) for key, value in props.items()}
    if not any(outputs.values()):
        return None

    async def names() -> list[str] | None:
        secret = [key for key, found in outputs.items() if any([await each.is_secret() for each in found])]
        return sorted(secret) or None

    return pulumi.Output.from_input(names())


def _outputs(value: Any) -> Iterator[pulumi.Output[Any]]:
    if isinstance(value, pulumi.Output):
        yield value
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from _outputs(one)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _outputs(one)


def _explicit_provider() -> pulumi.ProviderResource | None:
    """Return a provider for dynamic resources, one in a program, where the stack disables the default one.

    `pulumi:disable-default-providers` with `*` or `pulumi-python` does; programs cannot declare such a provider.
    """
    disabled = pulumi.Config("pulumi").get_object("disable-default-providers") or []
    if {"*", DYNAMIC}.isdisjoint(map(str.strip, disabled)):
        return None
    return per_program("dynamic provider", lambda: pulumi.ProviderResource(DYNAMIC, PACKAGE, _config()))


def _config() -> dict[str, str]:
    keys = {key: pulumi.Config(key.partition(":")[0]).get(key.partition(":")[2]) for key in _READ_FROM_CONFIG}
    return {key: value for key, value in keys.items() if value is not None}
