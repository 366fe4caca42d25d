"""Helpers of the contract tests: each sample of each component, and its declaration."""

import asyncio
from collections.abc import Callable
from typing import Any

import pulumi
import pulumi_kubernetes as k8s
import pytest

from eks_identity.runtime.inputs import InvalidInputError
from support.component_program import ACCOUNT, Cloud, Deployment, RegisteredResource, deploy, kubeconfig
from support.sample_args import COMPONENTS, SAMPLES

SSO = f"arn:aws:iam::{ACCOUNT}:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Operators_0123456789abcdef"
SUPPORT = ("k8s", "aws")
"""Providers that the tests declare themselves."""

each_component = pytest.mark.parametrize("name", COMPONENTS)
each_sample = pytest.mark.parametrize(
    ("name", "index"),
    [(name, index) for name in COMPONENTS for index in range(len(SAMPLES.get(name, [None])))],
)
"""A component without samples has one case, which fails by its name."""


def sample(name: str, index: int) -> dict[str, Any]:
    assert name in SAMPLES, f"{name} has no samples: give tests/support/sample_args.py some of its arguments"
    return SAMPLES[name][index]


def declare(name: str, args: Any, *, preview: bool = False, cloud: Any = None, **options: Any) -> Deployment:
    """Declare one component called `thing`, with a kubernetes provider called `k8s`."""

    def program() -> None:
        providers = [k8s.Provider("k8s", kubeconfig=kubeconfig()), *options.pop("more_providers", list)()]
        values = args() if callable(args) else args  # Outputs belong to the program that makes them
        COMPONENTS[name]("thing", values, pulumi.ResourceOptions(providers=providers, **options))

    partition = next((text for text in ("aws-cn", "aws-us-gov") if f"arn:{text}:" in repr(args)), "aws")
    found = {"id": "x", "arns": [SSO.replace("arn:aws:", f"arn:{partition}:")], "names": []}
    return deploy(program, preview=preview, cloud=cloud or Cloud(getRoles=found))


def own(deployment: Deployment, name: str) -> RegisteredResource:
    """Return the component itself, the first resource of its type."""
    return next(resource for resource in deployment.resources if resource.kind == name)


def children(deployment: Deployment, name: str) -> list[RegisteredResource]:
    """Return all resources that the component registers."""
    itself = own(deployment, name)
    return [resource for resource in deployment.resources if resource is not itself and resource.name not in SUPPORT]


class Registering(BaseException):
    """Raised when a component registers itself. No `except Exception` catches it."""


def validate_without_registration(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, Any], InvalidInputError | None]:
    """Return a function that validates plain args of a component, up to its registration.

    It returns the error, and None if the args are accepted.
    """

    def registering(*_args: Any, **_options: Any) -> None:
        raise Registering

    monkeypatch.setattr(pulumi.Resource, "__init__", registering)

    async def construct(name: str, args: Any) -> InvalidInputError | None:
        try:
            COMPONENTS[name]("thing", args)
        except InvalidInputError as error:
            return error
        except Registering:
            return None
        raise AssertionError(f"{name} registers nothing")

    return lambda name, args: asyncio.run(construct(name, args))
