"""The policies: one for each rule, and three on what is not decided and on exceptions.

| policy                   | Pulumi's kind | decided                                                          |
|--------------------------|---------------|------------------------------------------------------------------|
| rule of scope `resource` | resource      | for each resource, before it is created, in preview and update   |
| rule of scope `stack`    | stack         | at the end of the preview, and at the end of the update          |
| `not-decided`            | stack         | what depends on values that only the update knows                |
| `exception-overdue`      | stack         | exceptions past their end                                        |
| `exception-unused`       | stack         | exceptions that match nothing                                    |
"""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from typing import Any

import pulumi_policy as sdk

from eks_access.catalogue import policies as rules
from eks_access.catalogue.policy_rule import Level, PolicyRule, Scope
from eks_access.errors import EksAccessError
from eks_access.findings import FindingKind, Severity
from eks_access.questions.check import exception_findings, finding_of
from eks_access.questions.policies.settings import RuleException, RuleSettings, parse_rule_settings
from eks_access.questions.policies.violations import AFTER_UPDATE, Undecided, Violation
from eks_policies.analysis import Analysis, Stack
from eks_policies.previous_state import PreviousState
from eks_policies.stack_settings import SERVICER, StackSettings, stack_servicer

_SEVERITIES = {
    Severity.HIGH: sdk.Severity.HIGH,
    Severity.MEDIUM: sdk.Severity.MEDIUM,
    Severity.LOW: sdk.Severity.LOW,
}
_ON_CHANGES = (rules.LAST_ADMINISTRATOR_REMOVED, rules.NODE_ROLE_REMOVED)
_BENCHMARK = ("CIS Amazon EKS Benchmark", "1.7")
Report = Callable[..., None]


class RulePolicies:
    """The policies of one preview or update."""

    def __init__(self, analysis: Analysis | None = None) -> None:
        self._analysis = analysis or Analysis()
        self._stack = StackSettings()
        self._previous: PreviousState | None = None
        self._settings: dict[PolicyRule, RuleSettings] = {}
        """Settings of each rule that is not disabled, as far as the engine asked for it."""
        self._used: dict[PolicyRule, set[RuleException]] = {rule: set() for rule in rules.RULES}

    def configure(self, stack: StackSettings) -> None:
        """Take the names and settings of the stack, and begin to read its state."""
        self._stack = stack
        self._previous = PreviousState(stack.stack, self._analysis.today) if stack.stack else None

    def all(self) -> list[sdk.Policy]:
        """Return the policies, those on exceptions last: they report what the others used."""
        return [
            *(self._of_rule(rule) for rule in rules.RULES),
            self._of_kind(rules.NOT_DECIDED, Level.ADVISORY, self._report_undecided),
            self._of_kind(rules.EXCEPTION_OVERDUE, Level.MANDATORY, self._report_exceptions(rules.EXCEPTION_OVERDUE)),
            self._of_kind(rules.EXCEPTION_UNUSED, Level.ADVISORY, self._report_exceptions(rules.EXCEPTION_UNUSED)),
        ]

    def _of_rule(self, rule: PolicyRule) -> sdk.Policy:
        properties = _EXCEPTIONS | (_BOUNDARY if rule is rules.BOUNDARY_MISSING else {})
        options: dict[str, Any] = {
            "name": rule.id,
            "description": f"{rule.kind.title}.",
            "enforcement_level": sdk.EnforcementLevel(rule.level),
            "config_schema": sdk.PolicyConfigSchema(properties),
            "severity": _SEVERITIES[rule.kind.severity],
            "framework": sdk.PolicyComplianceFramework(*_BENCHMARK, rule.cis, rule.kind.title) if rule.cis else None,
            "remediation_steps": rule.fix,
        }
        if rule.scope is Scope.RESOURCE:
            return sdk.ResourceValidationPolicy(
                validate=lambda args, report: self._validate_resource(rule, args, report), **options
            )
        return sdk.StackValidationPolicy(
            validate=lambda args, report: self._validate_stack(rule, args, report), **options
        )

    def _of_kind(
        self, kind: FindingKind, level: Level, validate: Callable[[sdk.StackValidationArgs, Report], None]
    ) -> sdk.Policy:
        return sdk.StackValidationPolicy(
            name=kind.id,
            description=f"{kind.title}.",
            enforcement_level=sdk.EnforcementLevel(level),
            severity=_SEVERITIES[kind.severity],
            validate=validate,
        )

    def _validate_resource(self, rule: PolicyRule, args: sdk.ResourceValidationArgs, report: Report) -> None:
        settings = self._read_settings(rule, args, report)
        added = self._analysis.add(args)
        if settings is None or added is None:
            return
        without, with_it = added
        former = set(without.find(rule, settings.boundary))
        found = [each for each in with_it.find(rule, settings.boundary) if each not in former]
        self._report(rule, settings, found, report, args.urn)

    def _validate_stack(self, rule: PolicyRule, args: sdk.StackValidationArgs, report: Report) -> None:
        settings = self._read_settings(rule, args, report)
        if settings is not None:
            self._report(rule, settings, self._find(rule, args), report)

    def _find(self, rule: PolicyRule, args: sdk.StackValidationArgs) -> list[Violation | Undecided]:
        """Return what a rule finds in all resources."""
        stack = self._analysis.all(args.resources)
        boundary = self._settings.get(rule, RuleSettings()).boundary
        if rule not in _ON_CHANGES:
            return stack.find(rule, boundary)
        try:
            return stack.find(rule, boundary, self._previous_stack())
        except EksAccessError as error:
            return [Undecided("the state before the update", f"it cannot be read: {error.message}")]

    def _previous_stack(self) -> Stack | None:
        return None if self._previous is None else self._previous.get()

    def _report(
        self,
        rule: PolicyRule,
        settings: RuleSettings,
        found: list[Violation | Undecided],
        report: Report,
        urn: str | None = None,
    ) -> None:
        for each in found:
            if isinstance(each, Undecided):
                continue  # `not-decided` has it: this policy would stop the update for it
            matching = [exception for exception in settings.exceptions if exception.matches(each.subject)]
            self._used[rule].update(matching)
            if not any(exception.until >= self._analysis.today for exception in matching):
                finding = finding_of(rule, each)
                report(f"{finding.subject}: {finding.says}; {finding.should_say}\n  fix: {finding.fix}", urn)

    def _report_undecided(self, args: sdk.StackValidationArgs, report: Report) -> None:
        by_object: dict[Undecided, list[str]] = {}
        for rule in self._settings:
            for each in self._find(rule, args):
                if isinstance(each, Undecided):
                    by_object.setdefault(each, []).append(rule.id)
        for each, ids in by_object.items():
            when = "not decided before the update" if AFTER_UPDATE in each.reason else "not decided"
            report(f"{', '.join(ids)}: {when}: {each.subject}: {each.reason}")

    def _report_exceptions(self, kind: FindingKind) -> Callable[[sdk.StackValidationArgs, Report], None]:
        def validate(_: sdk.StackValidationArgs, report: Report) -> None:
            for rule, settings in self._settings.items():
                for each in exception_findings(rule, settings.exceptions, self._used[rule], self._analysis.today):
                    if each.finding.kind is kind:
                        report(f"{each.finding.subject}: {each.finding.says}\n  fix: {each.finding.fix}")

        return validate

    def _read_settings(
        self, rule: PolicyRule, args: sdk.ResourceValidationArgs | sdk.StackValidationArgs, report: Report
    ) -> RuleSettings | None:
        """Return the settings of a rule, with the stack's exceptions; None if they are wrong, which is reported."""
        if rule not in self._settings:
            config: dict[str, Any] = dict(args.get_config())
            try:
                own = parse_rule_settings(config, f"the policy config, {rule.id}")
            except EksAccessError as error:
                report(str(error))
                return None
            exceptions = (*own.exceptions, *self._stack.exceptions.get(rule.id, ()))
            self._settings[rule] = RuleSettings(own.level, exceptions, own.boundary)
        return self._settings[rule]


_EXCEPTIONS = {
    "exceptions": {
        "type": "array",
        "description": "Violations that are accepted until a date.",
        "items": {
            "type": "object",
            "properties": {name: {"type": "string", "minLength": 1} for name in ("subject", "reason", "until")},
            "required": ["subject", "reason", "until"],
            "additionalProperties": False,
        },
    }
}
_BOUNDARY = {
    "boundary": {
        "type": "string",
        "description": "ARN of the permissions boundary that roles of workloads must have; * and ? match any text.",
    }
}


def run_policy_pack(name: str = "eks-policies") -> None:
    """Serve the policy pack to the engine until it ends."""
    _unbuffer_standard_output()
    policies = RulePolicies()
    # The SDK has no hook for the configuration of a stack.
    setattr(sdk.policy, SERVICER, stack_servicer(policies.configure))
    sdk.PolicyPack(name, policies.all())


def _unbuffer_standard_output() -> None:
    """Write to standard output at once, as `python -u` does.

    The engine waits for the port of the pack without a timeout, starts Python without `-u`, and the SDK does not flush.
    """
    unbuffered = io.FileIO(sys.stdout.fileno(), "w", closefd=False)
    sys.stdout = io.TextIOWrapper(unbuffered, write_through=True)
