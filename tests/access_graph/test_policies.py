"""The rules of the policy pack on graphs, with their settings. Each rule has a violating and a clean graph."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from eks_access.catalogue import policies as rules
from eks_access.catalogue.policy_rule import Level, Scope
from eks_access.errors import UsageError
from eks_access.findings import Severity
from eks_access.graph.aws_objects import IamPrincipal, Unknown
from eks_access.graph.tables import NotRead, Table
from eks_access.questions.check import EVALUATIONS, check
from eks_access.questions.policies.settings import PolicySettings, RuleException, RuleSettings, parse_settings
from eks_identity.model.issuers import Provider
from eks_identity.model.pipeline_jobs import GitHubJobs, GitLabJobs, pipeline_trust
from support.access_graphs import CREATED, Objects, arn, binding
from support.policy_cases import AUD, CASES, HOST, IRSA, ROLE, SUB, TODAY, allow, entries, of_role, roles, trust


def violations(objects, rule, case=None, settings=None):
    before = case.before.graph() if case and case.before else None
    settings = settings or (case.settings if case else None)
    found = check(objects.graph(), settings, before=before, today=TODAY)
    return [each.finding.subject for each in found.violations if each.finding.kind is rule.kind]


@pytest.mark.parametrize("rule", rules.RULES, ids=lambda rule: rule.id)
def test_rule_finds_the_violation_and_accepts_its_correction(rule):
    case = CASES[rule]
    assert violations(case.violating, rule, case) == [case.subject]
    assert violations(case.clean, rule, case) == []


def test_catalogue_has_what_readers_need():
    """Each rule has an evaluation, a requirement, a reason, a fix and a source; a high severity is mandatory."""
    assert set(EVALUATIONS) == set(rules.RULES)
    for rule in rules.RULES:
        assert rule.requirement.startswith("must ")
        assert all((rule.why, rule.fix, rule.kind.source))
        assert rule.level is Level.MANDATORY or rule.kind.severity is not Severity.HIGH


def test_rules_of_the_benchmark_that_other_tools_leave_to_people_are_evaluated():
    numbers = {number.strip() for rule in rules.RULES for number in rule.cis.split(",")}
    assert {"4.1.7", "4.1.8", "4.1.9", "4.1.10", "4.1.11", "4.1.12", "5.2.1", "5.5.1"} <= numbers


WILDCARDS = {
    "whole": ("*", True),
    "namespace": ("system:serviceaccount:*:app", True),
    "name": ("system:serviceaccount:shop:app-?", True),
    "part of a prefix": ("re*", True),
    "all of an owner": ("repo:octo/*", True),
    "branch main of an owner": ("repo:octo/*:ref:refs/heads/main", True),
    "name of a repository": ("repo:octo/shop-?:ref:refs/heads/main", True),
    "prefix of a repository": ("repo:octo/shop*", True),
    "all jobs of a repository": ("repo:octo/shop:*", True),
    "all refs of a repository": ("repo:octo/shop:ref:*", True),
    "environments": ("repo:octo/shop:environment:*", True),
    "branches": ("repo:octo/shop:ref:refs/heads/*", False),
    "branches, immutable": ("repo:octo@12/shop@34:ref:refs/heads/release-*", False),
    "owner's id only": ("repo:octo@12/*:ref:refs/heads/main", True),
    "tags": ("repo:octo/shop:ref:refs/tags/v*", False),
    "projects of a group": ("project_path:octo/*", True),
    "all of a project": ("project_path:octo/shop:*", True),
    "group without a project": ("project_path:octo:ref_type:branch:ref:*", True),
    "branch of a group": ("project_path:octo/*:ref_type:branch:ref:main", True),
    "kinds of refs of GitLab": ("project_path:octo/shop:ref_type:*:ref:main", True),
    "branches of GitLab": ("project_path:octo/web/shop:ref_type:branch:ref:*", False),
    "tags of GitLab": ("project_path:octo/shop:ref_type:tag:ref:v?", False),
    "other service": ("organization:octo:project:shop:workspace:*:run_phase:*", False),
}


@pytest.mark.parametrize(("value", "is_violation"), WILDCARDS.values(), ids=WILDCARDS)
def test_wildcard_in_a_subject_is_accepted_for_branches_and_tags_of_one_project_only(value, is_violation):
    """GitHub runs unreviewed code for pull requests, so a pattern must not match them by accident."""
    objects = trust({"StringLike": {f"{HOST}:sub": value}, "StringEquals": AUD})
    assert bool(violations(objects, rules.TRUST_SUBJECT_WILDCARD)) == is_violation


JOBS = {
    "all branches of GitLab": GitLabJobs("octo/shop", all_branches=True),
    "branch of GitLab": GitLabJobs("octo/shop", branch="main"),
    "pull requests of GitHub": GitHubJobs("octo/shop", pull_requests=True),
    "environment of GitHub": GitHubJobs("octo/shop", "12", "34", environment="prod"),
}


@pytest.mark.parametrize("jobs", JOBS.values(), ids=JOBS)
def test_trust_policies_of_pipeline_roles_comply_with_the_rules(jobs):
    """The trust policies that `PipelineRole` creates violate no rule."""
    of_gitlab = isinstance(jobs, GitLabJobs)
    host = "gitlab.com" if of_gitlab else "token.actions.githubusercontent.com"
    policy = pipeline_trust(Provider.parse(arn(f"oidc-provider/{host}")), [jobs])
    objects = Objects(principals={ROLE: IamPrincipal(ROLE, "AROA1", CREATED, trust_policy=policy)})
    found = check(objects.graph(), today=TODAY)
    assert [each.finding for each in found.violations if each.finding.kind.id.startswith("trust-")] == []


@pytest.mark.parametrize(
    "condition", [{"StringNotEquals": SUB, "StringEquals": AUD}, {"Null": SUB, "StringEquals": AUD}]
)
def test_condition_that_does_not_restrict_the_subject_is_no_condition(condition):
    assert violations(trust(condition), rules.TRUST_SUBJECT_MISSING)


POLICIES = {
    "everything": (allow("*"), True),
    "iam": (allow("iam:*"), True),
    "all but": ({"Statement": [{"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}]}, True),
    "one resource": (allow("*", resource="arn:aws:s3:::shop"), False),
    "one service": (allow("s3:*"), False),
    "deny": ({"Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*"}]}, False),
}


@pytest.mark.parametrize(("document", "is_violation"), POLICIES.values(), ids=POLICIES)
def test_administrators_policy_is_found_by_what_it_allows(document, is_violation):
    assert bool(violations(of_role(inline_policies={"own": document}), rules.WORKLOAD_ADMINISTRATOR)) == is_violation


def test_role_that_no_pod_assumes_may_be_an_administrator():
    people = trust(principal={"AWS": "arn:aws:iam::123456789012:root"})
    objects = of_role(people, inline_policies={"own": allow("*")})
    assert violations(objects, rules.WORKLOAD_ADMINISTRATOR) == []


def test_roles_and_bindings_of_kubernetes_are_not_judged():
    system = replace(next(iter(roles("*", on="*").rbac_roles.values())), name="system:controller:x")
    objects = Objects(
        rbac_roles={(None, system.name): system}, rbac_bindings=binding("system:controller:x", system.name)
    )
    assert violations(objects, rules.RBAC_WILDCARD) == []
    assert violations(objects, rules.RBAC_CLUSTER_SECRETS) == []


def undecided(graph, rule, settings=None):
    found = check(graph, settings, today=TODAY).undecided
    return [(each.subject, each.reason) for each in found if each.rule == rule.id]


def test_unknown_trust_policy_is_undecided():
    """A rule never takes a value that is not known for a good one."""
    reason = "assumeRolePolicy is known after the update"
    graph = of_role(trust_policy=Unknown(reason), inline_policies={"own": allow("*")}).graph()
    settings = PolicySettings({"boundary-missing": RuleSettings(boundary="*")})
    for rule in (
        rules.TRUST_ANY_PRINCIPAL,
        rules.TRUST_NO_CONDITION,
        rules.TRUST_SUBJECT_MISSING,
        rules.TRUST_SUBJECT_WILDCARD,
        rules.TRUST_AUDIENCE_MISSING,
        rules.WORKLOAD_ADMINISTRATOR,
        rules.BOUNDARY_MISSING,
    ):
        assert undecided(graph, rule, settings) == [("IAM role app", reason)]


def test_table_that_cannot_be_read_is_undecided():
    graph = replace(IRSA.graph(), principals=Table.not_read("IAM principals", "AccessDenied: iam:GetRole"))
    assert undecided(graph, rules.TRUST_NO_CONDITION) == [("IAM principals", "AccessDenied: iam:GetRole")]


def test_object_whose_contents_are_unknown_is_undecided():
    why = NotRead("IAM principal", "name of aws:iam/role:Role app is known after the update")
    graph = replace(IRSA.graph(), principals=Table.partial({}, "IAM principal", "not in the preview", {ROLE: why}))
    assert undecided(graph, rules.TRUST_NO_CONDITION) == [(why.part, why.reason)]


def test_node_role_that_is_deleted_with_its_access_is_no_violation():
    case = CASES[rules.NODE_ROLE_REMOVED]
    assert violations(case.clean, rules.NODE_ROLE_REMOVED, case) == []


def test_living_cluster_without_an_administrator_is_a_violation():
    assert violations(entries(), rules.LAST_ADMINISTRATOR_REMOVED) == ["the cluster"]


def excepted(**changes):
    exception = RuleException("IAM role *", "moves in May", TODAY)
    settings = PolicySettings({"trust-no-condition": RuleSettings(exceptions=(replace(exception, **changes),))})
    found = check(trust().graph(), settings, today=TODAY)
    ids = {rules.TRUST_NO_CONDITION.id, rules.EXCEPTION_OVERDUE.id, rules.EXCEPTION_UNUSED.id}
    return [(e.finding.kind.id, e.level) for e in found.violations if e.finding.kind.id in ids], found.accepted


def test_exception_accepts_a_violation_until_its_last_day():
    remaining, accepted = excepted()
    assert remaining == []
    assert [(each.reason, each.until) for each in accepted] == [("moves in May", TODAY)]


def test_overdue_exception_fails_with_the_violation_that_it_accepted():
    remaining, accepted = excepted(until=TODAY - timedelta(days=1))
    assert remaining == [("trust-no-condition", Level.MANDATORY), ("exception-overdue", Level.MANDATORY)]
    assert accepted == ()


def test_exception_that_matches_nothing_is_reported():
    remaining, _ = excepted(subject="IAM role other")
    assert remaining == [("trust-no-condition", Level.MANDATORY), ("exception-unused", Level.ADVISORY)]


def test_policy_config_sets_levels_exceptions_and_the_boundary():
    exception = {"subject": "x", "reason": "y", "until": "2026-12-31"}
    document = {
        "all": "advisory",
        "trust-no-condition": "disabled",
        "exception-unused": "disabled",
        "boundary-missing": {"enforcementLevel": "mandatory", "boundary": "arn:*", "exceptions": [exception]},
    }
    settings = parse_settings(document)
    assert settings.level(rules.TRUST_NO_CONDITION) is Level.DISABLED
    assert settings.level(rules.BOUNDARY_MISSING) is Level.MANDATORY
    assert settings.level(rules.RBAC_WILDCARD) is Level.ADVISORY
    assert settings.boundary == "arn:*"
    assert settings.level_of_report(rules.EXCEPTION_UNUSED, Level.ADVISORY) is Level.DISABLED
    assert settings.level_of_report(rules.EXCEPTION_OVERDUE, Level.MANDATORY) is Level.ADVISORY
    assert settings.of(rules.BOUNDARY_MISSING).exceptions == (RuleException("x", "y", date(2026, 12, 31)),)
    assert violations(trust(), rules.TRUST_NO_CONDITION, settings=settings) == []


MISTAKES = {
    "rule": ({"trust-no-conditions": "advisory"}, "write trust-no-condition"),
    "level": ({"trust-no-condition": "warn"}, "Invalid enum value 'warn'"),
    "reason": ({"rbac-wildcard": {"exceptions": [{"subject": "x", "until": "2026-12-31"}]}}, "`reason`"),
    "date": ({"rbac-wildcard": {"exceptions": [{"subject": "x", "reason": "y", "until": "soon"}]}}, "until"),
    "form": ([], "must be an object with rule ids"),
}


@pytest.mark.parametrize(("document", "text"), MISTAKES.values(), ids=MISTAKES)
def test_mistake_in_the_policy_config_is_rejected(document, text):
    with pytest.raises(UsageError) as raised:
        parse_settings(document)
    assert text in str(raised.value)


def test_rules_that_later_resources_can_correct_are_decided_by_the_whole_stack():
    """Each other rule, once violated, stays violated whatever is added: an update can stop before the resource."""
    everything = Objects(
        principals={arn: IamPrincipal(arn) for arn in (ROLE,)},
        entries={**entries(*CASES[rules.LAST_ADMINISTRATOR_REMOVED].clean.entries.values()).entries},
    )
    for rule in rules.RULES:
        case = CASES[rule]
        if rule.scope is Scope.RESOURCE:
            more = case.violating.changed(
                principals=everything.principals | case.violating.principals,
                entries=everything.entries | case.violating.entries,
            )
            assert violations(more, rule, case) == [case.subject]
