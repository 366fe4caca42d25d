"""Classes that the plugin serves: every component and every resource that the library exports.

Other languages declare the library's own resources as they declare components. The engine lets the plugin call the
class's constructor, which checks the args as in Python and registers the resource. So both have the same args.
"""

import inspect
from typing import Any

import pulumi

import eks_identity
from eks_identity.runtime.custom_resource import EksIdentityResource


def exported_resources() -> dict[str, type[pulumi.Resource]]:
    """Return the exported components and resources by name."""
    exports = {name: getattr(eks_identity, name) for name in eks_identity.__all__}
    return {
        name: value for name, value in exports.items() if inspect.isclass(value) and issubclass(value, pulumi.Resource)
    }


def served_resources() -> dict[str, type[EksIdentityResource]]:
    """Return the resources that the plugin serves itself by name. Components register these too."""
    exported_resources()  # imports every module that defines one
    return {subclass.__name__: subclass for subclass in EksIdentityResource.__subclasses__()}


def args_of(resource_class: type[pulumi.Resource]) -> Any:
    """Return the TypedDict of the argument `args` of a component or resource."""
    return inspect.get_annotations(resource_class.__init__)["args"]
