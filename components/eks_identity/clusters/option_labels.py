"""Tags, labels, annotations and taints in the options of a new cluster, by the rules of the service that gets them.

pulumi_eks passes them on unchecked, and AWS or the node rejects them after minutes.

| rule        | of                                                                              |
|-------------|---------------------------------------------------------------------------------|
| IAM         | tags of all resources, which IAM roles get too                                  |
| EKS         | tags of clusters, node groups and access entries                                |
| EC2         | tags of security groups, instances and volumes; they may have any characters    |
| kubelet     | labels and taints of nodes                                                      |
| API server  | labels and annotations of objects, labels in the selectors of Fargate profiles  |
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from eks_identity.clusters.cluster_options import Options
from eks_identity.errors import Problem
from eks_identity.model import labels, tags, taints

_Rule = Callable[[Any], list[Problem]]

_EKS_TAGS: _Rule = partial(tags.problems, keys_have_case=True)
_EC2_TAGS: _Rule = partial(tags.problems, keys_have_case=True, any_characters=True)
CLUSTER_RULES: Mapping[str, _Rule] = {
    "tags": tags.problems,
    "cluster_tags": _EKS_TAGS,
    "cluster_security_group_tags": _EC2_TAGS,
    "node_security_group_tags": _EC2_TAGS,
    "access_entries.*.tags": _EKS_TAGS,
    "fargate.selectors.*.labels": labels.problems,
    "storage_classes.*.metadata.labels": labels.problems,
    "storage_classes.*.metadata.annotations": labels.key_problems,
    "node_group_options.labels": partial(labels.node_label_problems, managed=False),
    "node_group_options.taints": taints.kubelet_problems,
    "node_group_options.auto_scaling_group_tags": _EC2_TAGS,
    "node_group_options.cloud_formation_tags": _EC2_TAGS,
    "node_group_options.launch_template_tag_specifications.*.tags": _EC2_TAGS,
}
"""Options of `create` by path, where `*` is each item of a list or a mapping."""
NODE_GROUP_RULES: Mapping[str, _Rule] = {
    "tags": _EKS_TAGS,
    "labels": partial(labels.node_label_problems, managed=True),
    "taints": taints.managed_problems,
}
"""Options of an item of `node_groups`."""


def problems(options: Options, rules: Mapping[str, _Rule]) -> Iterator[Problem]:
    """Yield the problems of the options at the paths of `rules`. Outputs and objects of SDKs are not checked."""
    for path, rule in rules.items():
        for place, values in _values(options, path.split("."), ""):
            if isinstance(values, Mapping | list):
                yield from (problem.with_prefix(place) for problem in rule(values))


def _values(value: Any, steps: Sequence[str], place: str) -> Iterator[tuple[str, Any]]:
    """Yield the values at a path, each with its place in a message."""
    if not steps:
        yield place, value
        return
    step, *rest = steps
    if isinstance(value, Mapping):
        for key in value if step == "*" else [step] if step in value else []:
            yield from _values(value[key], rest, f"{place}.{key}" if place else key)
    elif step == "*" and isinstance(value, Sequence) and not isinstance(value, str):
        for index, item in enumerate(value):
            yield from _values(item, rest, f"{place}[{index}]")
