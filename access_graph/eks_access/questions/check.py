"""The question "which rules of the policy pack does this violate?"."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime

from eks_access.catalogue import policies as rules
from eks_access.catalogue.policy_rule import Level, PolicyRule
from eks_access.findings import Finding, Fix
from eks_access.graph import AccessGraph
from eks_access.graph.tables import NotReadError
from eks_access.questions.policies import cluster, mappings, rbac, trust, workloads
from eks_access.questions.policies.settings import PolicySettings, RuleException
from eks_access.questions.policies.violations import Found, RuleContext, Undecided, Violation

EVALUATIONS: Mapping[PolicyRule, Callable[[RuleContext], Found]] = {
    rules.TRUST_ANY_PRINCIPAL: trust.any_principal,
    rules.TRUST_NO_CONDITION: trust.no_condition,
    rules.TRUST_SUBJECT_MISSING: trust.subject_missing,
    rules.TRUST_SUBJECT_WILDCARD: trust.subject_wildcard,
    rules.TRUST_AUDIENCE_MISSING: trust.audience_missing,
    rules.WORKLOAD_ADMINISTRATOR: workloads.administrator,
    rules.BOUNDARY_MISSING: workloads.boundary,
    rules.DEFAULT_SERVICE_ACCOUNT: workloads.default_service_account,
    rules.TWO_IDENTITIES: workloads.two_identities,
    rules.PODS_REACH_NODE_ROLE: workloads.metadata_service,
    rules.MASTERS_GROUP: mappings.masters_group,
    rules.ACCESS_EXPIRED: mappings.expired,
    rules.ENTRY_OF_REPLACED_PRINCIPAL: mappings.entry_of_replaced_principal,
    rules.LAST_ADMINISTRATOR_REMOVED: mappings.last_administrator,
    rules.NODE_ROLE_REMOVED: mappings.node_role,
    rules.USER_OUTSIDE_IAM: mappings.user_outside_iam,
    rules.RBAC_WILDCARD: rbac.wildcard,
    rules.RBAC_ESCALATION: rbac.escalation_verbs,
    rules.RBAC_CLUSTER_SECRETS: rbac.cluster_secrets,
    rules.RBAC_PERSISTENT_VOLUMES: rbac.persistent_volumes,
    rules.RBAC_NODE_PROXY: rbac.node_proxy,
    rules.RBAC_WEBHOOKS: rbac.webhooks,
    rules.RBAC_TOKENS: rbac.service_account_tokens,
    rules.PUBLIC_ENDPOINT: cluster.public_endpoint,
    rules.SECRETS_UNENCRYPTED: cluster.secrets_unencrypted,
    rules.CONFIG_MAP_MODE: cluster.config_map_mode,
}


@dataclass(frozen=True)
class RuleFinding:
    """A violation, with what it does."""

    level: Level
    finding: Finding


@dataclass(frozen=True)
class UndecidedRule:
    """A rule that is not decided for an object."""

    rule: str
    """Id of the rule."""
    level: Level
    subject: str
    reason: str


@dataclass(frozen=True)
class AcceptedViolation:
    """A violation that an exception accepts."""

    finding: Finding
    reason: str
    until: date


@dataclass(frozen=True)
class Check:
    """The result of all rules."""

    violations: tuple[RuleFinding, ...]
    undecided: tuple[UndecidedRule, ...] = ()
    accepted: tuple[AcceptedViolation, ...] = ()

    @property
    def is_mandatory_violated(self) -> bool:
        return any(each.level is Level.MANDATORY for each in self.violations)


def check(
    graph: AccessGraph,
    settings: PolicySettings | None = None,
    *,
    before: AccessGraph | None = None,
    today: date | None = None,
) -> Check:
    """Return what violates the rules.

    Args:
        graph: The graph to judge. A graph of a stack is judged for what the stack declares.
        settings: Levels and exceptions; by default those of the catalogue, and none.
        before: The graph before the change, for rules on what a change removes.
        today: The day that decides whether access and exceptions have ended; by default today in UTC.
    """
    settings = settings or PolicySettings()
    today = today or datetime.now(UTC).date()
    context = RuleContext(graph, today, before, settings.boundary)
    violations: list[RuleFinding] = []
    undecided: list[UndecidedRule] = []
    accepted: list[AcceptedViolation] = []
    for rule in rules.RULES:
        level = settings.level(rule)
        if level is Level.DISABLED:
            continue
        exceptions = settings.of(rule).exceptions
        used: set[RuleException] = set()
        for found in evaluate(rule, context):
            if isinstance(found, Undecided):
                undecided.append(UndecidedRule(rule.id, level, found.subject, found.reason))
                continue
            matching = [each for each in exceptions if each.matches(found.subject)]
            used.update(matching)
            valid = next((each for each in matching if each.until >= today), None)
            if valid is None:
                violations.append(RuleFinding(level, finding_of(rule, found)))
            else:
                accepted.append(AcceptedViolation(finding_of(rule, found), valid.reason, valid.until))
        violations += (
            replace(each, level=level)
            for each in exception_findings(rule, exceptions, used, today)
            if (level := settings.level_of_report(each.finding.kind, each.level)) is not Level.DISABLED
        )
    return Check(tuple(violations), tuple(undecided), tuple(accepted))


def evaluate(rule: PolicyRule, context: RuleContext) -> list[Violation | Undecided]:
    """Return what a rule finds, each thing once."""
    found: list[Violation | Undecided] = []
    try:
        found.extend(EVALUATIONS[rule](context))
    except NotReadError as error:
        found.append(Undecided(error.not_read.part, error.not_read.reason))
    return list(dict.fromkeys(found))


def finding_of(rule: PolicyRule, violation: Violation) -> Finding:
    """Return the finding of a violation."""
    return Finding(rule.kind, violation.subject, violation.says, rule.requirement, Fix(advice=rule.fix))


def exception_findings(
    rule: PolicyRule, exceptions: tuple[RuleException, ...], used: set[RuleException], today: date
) -> Iterator[RuleFinding]:
    """Yield the exceptions of a rule that have ended, and those that match nothing."""
    for each in exceptions:
        subject = f"exception of {rule.id} for {each.subject}"
        if each.until < today:
            fix = Fix(advice="correct the violation and remove the exception, or set `until` to a later date")
            says = f"ended after {each.until}: {each.reason}"
            yield RuleFinding(Level.MANDATORY, Finding(rules.EXCEPTION_OVERDUE, subject, says, "not past its end", fix))
        elif each not in used:
            fix = Fix(advice="remove the exception, or correct its subject")
            finding = Finding(rules.EXCEPTION_UNUSED, subject, each.reason, "the subject of a violation", fix)
            yield RuleFinding(Level.ADVISORY, finding)
