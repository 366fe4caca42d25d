"""Validation of labels and of keys of annotations, by the rules that the API server applies in the update."""

from __future__ import annotations

import re
from collections.abc import Mapping

from eks_identity.errors import InvalidInput, Problem
from eks_identity.model import limits

_NAME = re.compile(r"[A-Za-z0-9]([-\w.]*[A-Za-z0-9])?", re.ASCII)
_PREFIX = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_LENGTH = 63
_FORM = f"at most {_LENGTH} letters, digits and -_., with a letter or digit at both ends"
_RESERVED_BY_EKS = "eks.amazonaws.com/"
_KUBELET_LABELS = {
    *("kubernetes.io/hostname", "kubernetes.io/instance-type", "kubernetes.io/os", "kubernetes.io/arch"),
    *("topology.kubernetes.io/zone", "topology.kubernetes.io/region", "node.kubernetes.io/instance-type"),
    *("beta.kubernetes.io/os", "beta.kubernetes.io/arch", "beta.kubernetes.io/instance-type"),
    *("failure-domain.beta.kubernetes.io/zone", "failure-domain.beta.kubernetes.io/region"),
    *("failure-domain.kubernetes.io/zone", "failure-domain.kubernetes.io/region"),
}
"""Labels of Kubernetes that a kubelet may set on its node."""


def labels(values: Mapping[str, str]) -> dict[str, str]:
    """Return the labels of an object; raise `InvalidInput` for those that Kubernetes rejects."""
    if found := problems(values):
        raise InvalidInput(found)
    return dict(values)


def problems(values: Mapping[str, object]) -> list[Problem]:
    """Return the problems of labels. Values that are not strings are unresolved Outputs, and are not checked.

    Source: Kubernetes documentation, "Labels and Selectors: Syntax and character set".
    """
    rule = f"must be empty or have {_FORM} (Kubernetes label)"
    return key_problems(values) + [
        Problem(key, rule, value, "shorten it, and remove the other characters")
        for key, value in values.items()
        if isinstance(value, str) and value and not _is_name(value)
    ]


def node_label_problems(values: Mapping[str, object], *, managed: bool) -> list[Problem]:
    """Return the problems of labels that the kubelet gives its own node; `managed` are those of an EKS node group.

    Source: Kubernetes documentation, "kubelet: --node-labels"; Amazon EKS API reference, CreateNodegroup.
    """
    found = problems(values)
    wrong = {problem.value for problem in found}
    for key, value in values.items():
        if key in wrong:
            continue
        if not _is_kubelet_label(key):
            rule = "must not be below kubernetes.io or k8s.io, except node.kubernetes.io: nodes fail to join (kubelet)"
            found.append(Problem(key, rule, key, "write a prefix of your own, such as example.com/role"))
        elif managed and key.startswith(_RESERVED_BY_EKS):
            rule = f"must not begin with {_RESERVED_BY_EKS}, which EKS reserves"
            found.append(Problem(key, rule, key, "rename the label"))
        elif managed and len(key) > _LENGTH:
            rule = f"must be a key of at most {_LENGTH} characters, its prefix included (EKS)"
            found.append(Problem(key, rule, key, "shorten it"))
        if managed and value == "":
            found.append(
                Problem(key, f"must have 1 to {_LENGTH} characters (EKS)", value, 'write a value, such as "true"')
            )
    return found


def key_problems(values: Mapping[str, object]) -> list[Problem]:
    """Return the problems of the keys of labels or annotations: a name, or a DNS name, a slash and a name."""
    rule = f"must be a key of {_FORM}, after an optional DNS name and a slash (Kubernetes)"
    return [
        Problem(f"the name {key!r}", rule, key, "write app or example.com/app") for key in values if not _is_key(key)
    ]


def _is_key(key: str) -> bool:
    prefix, separator, name = key.rpartition("/")
    is_prefix = len(prefix) <= limits.DNS_SUBDOMAIN and _PREFIX.fullmatch(prefix) is not None
    return _is_name(name) and (is_prefix if separator else True)


def _is_kubelet_label(key: str) -> bool:
    """Return whether the kubelet accepts the label in `--node-labels`."""
    prefix = key.rpartition("/")[0]
    if not _is_in(prefix, "kubernetes.io", "k8s.io"):
        return True
    return _is_in(prefix, "kubelet.kubernetes.io", "node.kubernetes.io") or key in _KUBELET_LABELS


def _is_in(domain: str, *parents: str) -> bool:
    return any(domain == parent or domain.endswith(f".{parent}") for parent in parents)


def _is_name(text: str) -> bool:
    return len(text) <= _LENGTH and _NAME.fullmatch(text) is not None
