"""Validation of the taints of nodes, by the rules that EKS and the kubelet apply after minutes of an update.

Source: Kubernetes documentation, "Taints and Tolerations"; Amazon EKS API reference, Taint and CreateNodegroup.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from eks_identity.errors import Problem
from eks_identity.model import labels

MAX_TAINTS = 50
"""Taints of a managed node group."""
_MAX_KEY = 63
_EKS_EFFECTS = ("NO_SCHEDULE", "NO_EXECUTE", "PREFER_NO_SCHEDULE")
_KUBELET_EFFECTS = ("NoSchedule", "NoExecute", "PreferNoSchedule")


def managed_problems(taints: Sequence[object]) -> list[Problem]:
    """Return the problems of the taints of an EKS node group. Values that are not strings are not checked."""
    found: list[Problem] = []
    if len(taints) > MAX_TAINTS:
        rule = f"must have at most {MAX_TAINTS} taints (EKS)"
        found.append(Problem("", rule, len(taints), f"remove {len(taints) - MAX_TAINTS}"))
    seen: Counter[tuple[str, str]] = Counter()
    for index, taint in enumerate(taints):
        if not isinstance(taint, Mapping):
            continue
        key, effect = taint.get("key"), taint.get("effect")
        in_taint = list(_problems(taint, _EKS_EFFECTS))
        if isinstance(key, str):
            in_taint += _key_problems(key)
            if not in_taint and len(key) > _MAX_KEY:
                in_taint.append(Problem("key", f"must have at most {_MAX_KEY} characters (EKS)", key, "shorten it"))
            if isinstance(effect, str):
                seen[key, effect] += 1
                if seen[key, effect] == 2:
                    rule = "must be unique with its effect (Kubernetes)"
                    in_taint.append(Problem("key", rule, key, f"remove a taint {key} with effect {effect}"))
        found += [problem.with_prefix(f"[{index}]") for problem in in_taint]
    return found


def kubelet_problems(taints: Mapping[str, object]) -> list[Problem]:
    """Return the problems of the taints, by key, that the kubelet gives its own node."""
    found = labels.key_problems(taints)
    for key, taint in taints.items():
        if isinstance(taint, Mapping):
            found += [problem.with_prefix(key) for problem in _problems(taint, _KUBELET_EFFECTS)]
    return found


def _problems(taint: Mapping[str, object], effects: Sequence[str]) -> Iterator[Problem]:
    value, effect = taint.get("value"), taint.get("effect")
    if isinstance(value, str):
        yield from labels.problems({"value": value})
    if isinstance(effect, str) and effect not in effects:
        rule = f"must be {', '.join(effects[:-1])} or {effects[-1]}"
        yield Problem("effect", rule, effect, f"write {_closest(effect, effects)}")


def _key_problems(key: str) -> list[Problem]:
    return [Problem("key", each.rule, key, each.fix) for each in labels.key_problems({key: ""})]


def _closest(effect: str, effects: Sequence[str]) -> str:
    """Return the effect that differs in case and underscores only, or the first one."""
    letters = effect.replace("_", "").lower()
    return next((each for each in effects if each.replace("_", "").lower() == letters), effects[0])
