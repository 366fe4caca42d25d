"""The graphs of the resources so far, and what a resource adds to the violations.

The engine shows one resource after the other, each before it is created, and all of them at the end. A rule of scope
`resource` compares what it finds among related resources with and without the new one. What it finds more is the
violation of that resource.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
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
from eks_policies.related import RelatedResources

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
        self._providers: dict[str, Resource] = {}
        self._related = RelatedResources()
        self._recent: OrderedDict[str, tuple[Inputs, Stack, Stack]] = OrderedDict()
        self._all: tuple[list[str], Stack] | None = None

    def add(self, args: ResourceValidationArgs) -> tuple[Stack, Stack] | None:
        """Return what is related to a resource, without and with it; None for a resource that no rule reads."""
        if not engine_resources.is_judged(args.resource_type):
            return None
        inputs = engine_resources.inputs_of(args)
        with self._lock:
            recent = self._recent.get(args.urn)
            if recent is None or recent[0] != inputs:
                recent = (inputs, *self._add(args, inputs))
                self._recent[args.urn] = recent
                while len(self._recent) > _MOST:
                    self._recent.popitem(last=False)
            return recent[1:]

    def _add(self, args: ResourceValidationArgs, inputs: Inputs) -> tuple[Stack, Stack]:
        self._inputs[args.urn] = inputs
        provider = engine_resources.provider_resource(args)
        if provider is not None and provider.urn not in self._providers:
            self._providers[provider.urn] = provider
            self._related.add(provider)
        resource = engine_resources.declared_resource(args, inputs)
        self._related.add(resource)
        others = self._related.related(resource)
        return Stack(others, self.today), Stack([*others, resource], self.today)

    def all(self, resources: Sequence[PolicyResource]) -> Stack:
        """Return the stack of all resources, once for all rules."""
        with self._lock:
            urns = [each.urn for each in resources]
            if self._all is None or self._all[0] != urns:
                registered = {
                    each.urn: engine_resources.registered_resource(each, self._inputs.get(each.urn, {}))
                    for each in resources
                }
                self._all = (urns, Stack([*(self._providers | registered).values()], self.today))
            return self._all[1]
