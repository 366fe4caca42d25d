"""Requests as people write them: `pods`, `deployments`, `deployments.apps/scale`, `widgets.example.com`, `/healthz`."""

from __future__ import annotations

import difflib
import re

from eks_access.errors import UsageError
from eks_identity.evaluation.rbac import Request
from eks_identity.model.api_resources import CLUSTER_SCOPED, RESOURCES
from eks_identity.model.rbac import VERBS

_IAM_ACTION = re.compile(r"[a-z0-9-]+:[A-Za-z0-9]+")
_HTTP_VERBS = frozenset({"get", "head", "options", "post", "put", "patch", "delete"})


def parse_request(verb: str, resource: str, namespace: str | None = None, name: str | None = None) -> Request:
    """Return the request; raise `UsageError` for a verb or resource that Kubernetes does not have.

    A resource without an API group is the one of Kubernetes itself; a custom resource needs its group. Without
    `namespace`, the request is for all namespaces.
    """
    if resource.startswith("/"):
        if verb not in _HTTP_VERBS:
            raise UsageError(f"--verb {verb!r} must be an HTTP verb for the path {resource}", "pass --verb get")
        return Request(verb, resource)
    if verb not in VERBS:
        close = difflib.get_close_matches(verb, VERBS, n=1)
        fix = f"pass --verb {close[0]}" if close else f"pass one of {', '.join(sorted(VERBS))}"
        raise UsageError(f"--verb {verb!r} must be a verb of the Kubernetes API", fix)
    plural, slash, subresource = resource.partition("/")
    plural, dot, group = plural.partition(".")
    if not dot:
        group = _group_of(plural)
    is_cluster_scoped = plural in CLUSTER_SCOPED and group in RESOURCES
    scope = None if is_cluster_scoped else namespace
    return Request(verb, f"{plural}{slash}{subresource}", scope, group, name)


def is_iam_action(text: str) -> bool:
    """Return whether a text is meant to be an action of IAM, such as `s3:ListBucket`, and not a verb of Kubernetes."""
    return ":" in text


def check_iam_request(action: str, resource: str) -> None:
    """Raise `UsageError` if an action or a resource of AWS is malformed. Both are single, without wildcards."""
    if not _IAM_ACTION.fullmatch(action):
        message = f"{action!r} must be one action of IAM: a service, a colon and a name, without wildcards"
        raise UsageError(message, "pass s3:ListBucket, for example")
    if resource != "*" and not resource.startswith("arn:"):
        message = f"{resource!r} must be the ARN of a resource, or * for an action without one"
        raise UsageError(message, "pass arn:aws:s3:::my-bucket, for example")


def _group_of(plural: str) -> str:
    """Return the API group of a resource of Kubernetes itself; of two groups with it, that of the API in use."""
    if plural == "*":
        return "*"
    groups = [group for group, resources in RESOURCES.items() if plural in resources]
    if groups:
        return groups[0]
    plurals = sorted({name for resources in RESOURCES.values() for name in resources})
    close = difflib.get_close_matches(plural.lower(), plurals, n=1)
    suggestion = f"pass --resource {close[0]}" if close else "see `kubectl api-resources`"
    fix = f"{suggestion}; for a custom resource pass its group too, such as widgets.example.com"
    raise UsageError(f"--resource {plural!r} must be the plural name of a resource of Kubernetes", fix)
