"""Makes Kubernetes types ready for threads.

msgspec, with which lightkube decodes, examines a type when the first object of it is decoded. Two threads that do so at
once crash the interpreter (msgspec 0.22: a segmentation fault). So every type that clusters and nodes use is examined
by `make_ready`, while `lab.cluster` is being imported and no thread of ours runs.
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

USED = (admissionregistration_v1, authorization_v1, coordination_v1, core_v1, rbac_authorization_v1)


def make_ready(*modules: ModuleType) -> None:
    """Let msgspec examine all resources of these modules of lightkube, alone, in lists and in watches, and a
    kubeconfig (50 ms).
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
