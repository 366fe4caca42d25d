"""The graphs of the resources so far, and what a resource adds to the violations.

The engine shows one resource after the other, each before it is created, and all of them at the end. A rule of scope
`resource` compares what it finds with and without the resource. What it finds more is the violation of that resource.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from functools import cached_property
from threading import RLock

from pulumi_policy import PolicyResource, ResourceValidationArgs

from eks_access.catalogue.policy_rule import PolicyRule
from eks_access.graph import AccessGraph
from eks_access.questions.check import evaluate
from eks_access.questions.policies.violations import RuleContext, Undecided, Violation
from eks_access.sources.pulumi.graph import StackResources, clusters_of_stack, graph_of_stack
from eks_access.sources.pulumi.resources import Resource
from eks_policies import engine_resources
from eks_policies.engine_resources import Inputs

_PLACEHOLDER = "0" * 12
"""Account in the ARNs of IAM resources before AWS creates them. No rule compares accounts."""
_MOST = 16
"""Resources that are analyzed at the same time, at most: the SDK has 4 threads."""


class Stack:
    """Resources of a stack, with one graph for each of its clusters."""

    def __init__(self, resources: Sequence[Resource], today: date) -> None:
        self._resources = StackResources("stack", list(resources))
        self._today = today
        self._found: dict[tuple[PolicyRule, str | None], list[Violation | Undecided]] = {}

    @cached_property
    def graphs(self) -> dict[str | None, AccessGraph]:
        """The graphs by the names of the clusters; one without a cluster if there is none."""
        names: list[str | None] = [*clusters_of_stack(self._resources)] or [None]
        return {name: graph_of_stack(self._resources, name, account=_PLACEHOLDER) for name in names}

    def find(
        self, rule: PolicyRule, boundary: str | None = None, before: Stack | None = None
    ) -> list[Violation | Undecided]:
        """Return what a rule finds in all clusters, each thing once."""
        key = (rule, boundary)
        if key not in self._found:
            found = (
                each
                for name, graph in self.graphs.items()
                for each in evaluate(rule, RuleContext(graph, self._today, _graph(before, name), boundary))
            )
            self._found[key] = list(dict.fromkeys(found))
        return self._found[key]


def _graph(stack: Stack | None, name: str | None) -> AccessGraph | None:
    return None if stack is None else stack.graphs.get(name)


class Analysis:
    """The resources of one preview or update, as the engine shows them."""

    def __init__(self, today: date | None = None) -> None:
        self.today = today or datetime.now(UTC).date()
        self._lock = RLock()
        self._inputs: dict[str, Inputs] = {}
        self._declared: dict[str, Resource] = {}
        self._latest = Stack([], self.today)
        self._recent: OrderedDict[str, tuple[str, Stack, Stack]] = OrderedDict()
        self._whole: tuple[int, Stack] | None = None

    def add(self, args: ResourceValidationArgs) -> tuple[Stack, Stack] | None:
        """Return the stack without and with a resource; None for a resource that no rule reads."""
        if not engine_resources.is_judged(args.resource_type):
            return None
        inputs = engine_resources.inputs_of(args)
        fingerprint = json.dumps(inputs, sort_keys=True, default=str)
        with self._lock:
            recent = self._recent.get(args.urn)
            if recent is None or recent[0] != fingerprint:
                provider = engine_resources.provider_resource(args)
                if provider is not None:
                    self._declared.setdefault(provider.urn, provider)
                self._inputs[args.urn] = inputs
                self._declared[args.urn] = engine_resources.declared_resource(args, inputs)
                without, self._latest = self._latest, Stack([*self._declared.values()], self.today)
                recent = (fingerprint, without, self._latest)
                self._recent[args.urn] = recent
                while len(self._recent) > _MOST:
                    self._recent.popitem(last=False)
            return recent[1:]

    def whole(self, resources: Iterable[PolicyResource]) -> Stack:
        """Return the stack of all resources, once for all rules."""
        listed = list(resources)
        with self._lock:
            key = hash(tuple(each.urn for each in listed))
            if self._whole is None or self._whole[0] != key:
                registered = [
                    engine_resources.registered_resource(each, self._inputs.get(each.urn, {})) for each in listed
                ]
                providers = {each.provider.urn: each.provider for each in listed if each.provider is not None}
                for urn, provider in self._declared.items():
                    if urn in providers and all(urn != each.urn for each in registered):
                        registered.append(provider)
                self._whole = (key, Stack(registered, self.today))
            return self._whole[1]
