"""Which classes the plugin serves: every component and every resource that the library exports.

The library's own resources are declared by other languages as components are: the engine has the plugin run the class's
constructor, which checks the args as it does in Python, and registers the resource. So both take the same args.
"""

import inspect
from typing import Any

import pulumi

import eks_identity
from eks_identity.runtime.custom_resource import EksIdentityResource


def declarable() -> dict[str, type[pulumi.Resource]]:
    """What a program may declare, by name."""
    exported = {name: getattr(eks_identity, name) for name in eks_identity.__all__}
    return {
        name: each for name, each in exported.items() if inspect.isclass(each) and issubclass(each, pulumi.Resource)
    }


def own_resources() -> dict[str, type[EksIdentityResource]]:
    """The resources that the plugin itself serves, by name: those that components make for themselves too."""
    declarable()  # imports every module that has one
    return {each.__name__: each for each in EksIdentityResource.__subclasses__()}


def args_of(declared: type[pulumi.Resource]) -> Any:
    """The TypedDict that a component or resource takes as `args`."""
    return inspect.get_annotations(declared.__init__)["args"]
