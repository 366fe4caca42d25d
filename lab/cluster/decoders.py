"""Builds the decoders of Kubernetes types before threads use them.

lightkube decodes with msgspec, which builds the decoder of a type when it decodes the first object of it. Two threads
that do so at the same time crash the interpreter (msgspec 0.22: a segmentation fault). `preload_decoders` therefore
builds the decoders of all types that clusters and nodes use, while `lab.cluster` is imported and none of its threads
runs.
"""

from __future__ import annotations

import inspect
from types import ModuleType

import msgspec
from lightkube import KubeConfig
from lightkube.core import decoders
from lightkube.core.resource import Resource
from lightkube.resources import (
    admissionregistration_v1,
    authorization_v1,
    coordination_v1,
    core_v1,
    rbac_authorization_v1,
)

RESOURCE_MODULES = (admissionregistration_v1, authorization_v1, coordination_v1, core_v1, rbac_authorization_v1)


def preload_decoders(*modules: ModuleType) -> None:
    """Build the decoders of all resources of these lightkube modules, of their lists and watches, and of a kubeconfig.

    This takes 50 ms.
    """
    for module in modules:
        for _, resource in inspect.getmembers(module, inspect.isclass):
            if issubclass(resource, Resource) and issubclass(resource, msgspec.Struct):
                decoders.decode_list(b'{"items": []}', resource)
    decoders.decode_watch_event(b'{"type": "BOOKMARK", "object": {}}')
    decoders.decode_status(b"{}")
    user = {"token": "", "exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": ""}}
    KubeConfig.from_dict(
        {
            "clusters": [{"name": "any", "cluster": {}}],
            "contexts": [{"name": "any", "context": {"cluster": "any", "user": "any"}}],
            "users": [{"name": "any", "user": user}],
        }
    )
