"""`escalations` finds the path of each technique; its healthy twin has none, and the cut closes it."""

import json
from dataclasses import replace

import pytest

from eks_access.errors import UsageError
from eks_access.findings import Severity
from eks_access.graph.aws_objects import Unknown
from eks_access.graph.kubernetes_objects import BindingSubject, ServiceAccount
from eks_access.graph.tables import Table
from eks_access.questions.aws.who_can_in_aws import who_can_in_aws
from eks_access.questions.escalation import iam_tables
from eks_access.questions.escalation.techniques import OWN, source_of
from eks_access.questions.escalations import escalations, new_escalations
from eks_access.render.escalations_page import escalations_page
from eks_access.render.sarif import sarif
from eks_access.sources.snapshot import save_snapshot, take_snapshot
from eks_identity.model.existing_entries import ExistingEntry
from eks_identity.model.rbac import Rule, rule_on
from support.access_graphs import arn, binding, role
from support.eks_access_command import run
from support.escalation_graphs import (
    ACCOUNT_OBJECTS,
    ADMIN,
    AGGREGATED,
    CASES,
    CLUSTER,
    DEVELOPERS,
    EDIT_POLICY,
    EVERYTHING,
    STRONG,
    SUBJECT,
    TO_ACCOUNT,
    TO_CLUSTER,
    USER,
    account,
    statement,
    trust,
    with_role,
    with_rules,
)
from support.workload_chains import document, irsa

WEB_PODS = with_rules(rule_on("", "pods", ("create", "get")), namespace="web")


def found(objects, subject, reaches):
    """The paths of a subject to a target."""
    paths = escalations(objects.graph()).paths
    return [path for path in paths if path.subject == subject and reaches in (path.reaches, *path.also_reaches)]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.technique}-{case.reaches}")
def test_escalations_find_each_technique_and_not_its_healthy_twin(case):
    paths = [path for path in found(case.broken, case.subject, case.reaches) if case.technique in path.techniques]
    assert paths, escalations(case.broken.graph())
    assert bool(paths[0].conditions) is case.is_conditional
    assert not any(case.technique in path.techniques for path in found(case.healthy, case.subject, case.reaches)), (
        found(case.healthy, case.subject, case.reaches)
    )


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.technique}-{case.reaches}")
def test_cut_of_each_path_closes_it(case):
    for path in escalations(case.broken.graph()).paths:
        assert path.cut is not None
        assert path.cut.is_checked, path
        assert path.cut.fix.commands


def test_every_technique_is_tested_or_a_row_of_the_table_of_services():
    services = {technique.id for technique in iam_tables.SERVICE_TECHNIQUES}
    others = {
        technique.id for table in (iam_tables.OWN_TECHNIQUES, iam_tables.TARGET_TECHNIQUES) for technique in table
    }
    tested = {case.technique for case in CASES}
    others |= {technique.id for technique in (*OWN, *iam_tables.GROWING_TECHNIQUES)}
    untested = others - tested - services
    assert untested == {"iam-005", "iam-009", "iam-016", "iam-020", "k8s-cluster-administrator"}
    assert source_of("iam-001") == "https://pathfinding.cloud/paths/iam-001"


@pytest.mark.parametrize("technique", iam_tables.SERVICE_TECHNIQUES, ids=lambda technique: technique.id)
def test_services_run_code_with_a_role_that_trusts_them(technique):
    def objects(service, *more):
        return account(
            statement([*technique.actions, *more]), base=with_role("other", trust(Service=service), ACCOUNT_OBJECTS)
        )

    passing = ("iam:PassRole",) if technique.passes_role else ()
    paths = escalations(objects(technique.service, *passing).graph()).paths
    # Another technique of the same service may need fewer permissions, and is found first then.
    reached = {path.techniques[0] for path in paths if arn("role/other") in (path.reaches, *path.also_reaches)}
    same_service = {each.id for each in iam_tables.SERVICE_TECHNIQUES if each.service == technique.service}
    assert reached
    assert reached <= same_service
    if technique.passes_role:
        assert arn("role/other") not in str(
            [path for path in escalations(objects(technique.service).graph()).paths if not path.conditions]
        )
    elsewhere = escalations(objects("other.amazonaws.com", *passing).graph()).paths
    assert arn("role/other") not in str(elsewhere)


@pytest.mark.parametrize(
    ("action", "technique"), [("iam:PutRolePolicy", "iam-005"), ("iam:AttachRolePolicy", "iam-009")]
)
def test_role_that_can_write_its_own_policies_becomes_administrator(action, technique):
    own = {"own": document(statement(action, arn("role/other")))}
    objects = with_role("other", trust(Service="ec2.amazonaws.com"), ACCOUNT_OBJECTS, own)
    (path,) = found(objects, arn("role/other"), TO_ACCOUNT)
    assert path.techniques == (technique,)
    limited = {arn("policy/limit"): document(statement("s3:*"))}
    bounded = with_role(
        "other", trust(Service="ec2.amazonaws.com"), ACCOUNT_OBJECTS, own, boundary=arn("policy/limit")
    ).changed(policies=limited)
    assert found(bounded, arn("role/other"), TO_ACCOUNT) == []


@pytest.mark.parametrize(("more", "technique"), [("", "iam-016"), ("iam:UpdateAssumeRolePolicy", "iam-020")])
def test_policy_version_widens_a_role_that_the_user_can_assume(more, technique):
    policy = arn("policy/of-role")
    trusted = USER if not more else arn("user/other")
    base = with_role("other", trust(AWS=trusted), ACCOUNT_OBJECTS, attached_policies=(policy,))
    base = base.changed(policies={policy: document(statement("s3:*"))})
    statements = [statement("iam:CreatePolicyVersion", policy)] + ([statement(more)] if more else [])
    assert technique in {path.techniques[0] for path in found(account(*statements, base=base), USER, TO_ACCOUNT)}


def test_path_crosses_from_the_cluster_into_the_account():
    data = irsa()
    data.set_role(inline_policies={"all": EVERYTHING}, attached_policies=())
    objects = with_rules(
        rule_on("", "pods", ("create",)),
        namespace="default",
        base=CLUSTER.changed(
            principals=data.principals,
            oidc_providers=data.providers,
            service_accounts=data.accounts,
            nodes={},
            pods={},
        ),
    )
    (path,) = found(objects, DEVELOPERS, TO_ACCOUNT)
    assert [(step.technique, step.reaches) for step in path.steps] == [
        ("k8s-create-pods", "service account default/test-sa"),
        ("", arn("role/sa-role")),
        ("", TO_ACCOUNT),
    ]
    assert path.steps[0].permissions == (
        "create pods in namespace default (RoleBinding default/developers grants Role developer to Group developers)",
    )
    assert path.severity is Severity.HIGH


def test_cluster_administrator_reaches_the_account_only_with_from():
    data = irsa()
    data.set_role(inline_policies={"all": EVERYTHING}, attached_policies=())
    objects = CLUSTER.changed(
        principals=data.principals,
        oidc_providers=data.providers,
        service_accounts=data.accounts,
        rbac_bindings=binding("admins", "cluster-admin", SUBJECT),
    )
    everything = escalations(objects.graph())
    assert f"{DEVELOPERS}: {TO_CLUSTER}" in everything.administrators
    assert DEVELOPERS not in {path.subject for path in everything.paths}
    paths = escalations(objects.graph(), "group:developers").paths
    assert [path.techniques for path in paths if path.reaches == TO_ACCOUNT] == [("k8s-cluster-administrator",)]


def test_members_of_a_set_are_one_path():
    accounts = {("web", f"sa-{index}"): ServiceAccount("web", f"sa-{index}") for index in range(3)}
    subjects = [BindingSubject("ServiceAccount", name, "web") for _, name in accounts]
    objects = WEB_PODS.changed(
        service_accounts=accounts, rbac_bindings={**WEB_PODS.rbac_bindings, **binding("many", "reader", *subjects)}
    )
    (path,) = [each for each in found(objects, DEVELOPERS, "service account web/sa-0") if not each.conditions]
    assert path.also_reaches == ("service account web/sa-1", "service account web/sa-2")
    assert path.severity is Severity.MEDIUM


def test_second_origin_of_a_permission_is_a_path_with_its_own_cut():
    objects = WEB_PODS.changed(
        rbac_roles={**WEB_PODS.rbac_roles, (None, "wide"): AGGREGATED},
        rbac_bindings={**WEB_PODS.rbac_bindings, **binding("wide", "wide", SUBJECT, namespace="web")},
    )
    paths = [path for path in found(objects, DEVELOPERS, STRONG) if path.techniques == ("k8s-create-pods",)]
    assert [(path.cut.kind, path.cut.change, path.cut.has_other_paths) for path in paths] == [
        ("role rule", "remove create pods from the rules of Role web/developer", True),
        ("binding", "remove Group developers from RoleBinding web/wide", True),
    ]


def test_cut_of_an_access_policy_and_of_a_wildcard():
    objects = CLUSTER.changed(
        principals={**CLUSTER.principals, **account().principals},
        entries={USER: ExistingEntry(USER, "dev", policies=(EDIT_POLICY,))},
    )
    path = found(objects, USER, STRONG)[0]
    assert path.cut.kind == "access policy"
    assert "disassociate-access-policy" in str(path.cut.fix)
    (path,) = found(account(statement("iam:Put*", USER)), USER, TO_ACCOUNT)
    assert path.cut.change == f"deny iam:PutUserPolicy on {USER} in an inline policy of {USER}"


def test_rule_keeps_what_the_cut_does_not_remove():
    rules = Rule(("get", "create"), ("pods", "services"), ("",))
    (path,) = [each for each in found(with_rules(rules, namespace="web"), DEVELOPERS, STRONG) if not each.conditions]
    (command,) = path.cut.fix.commands
    (patch,) = json.loads(command[-1])
    assert patch["value"] == [
        {"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]},
        {"apiGroups": [""], "resources": ["services"], "verbs": ["get", "create"]},
    ]


def test_condition_of_a_policy_makes_the_path_conditional():
    mfa = {"Bool": {"aws:MultiFactorAuthPresent": "true"}}
    (path,) = found(account(statement("iam:PutUserPolicy", USER, **mfa)), USER, TO_ACCOUNT)
    assert path.conditions == ("Bool aws:MultiFactorAuthPresent true",)


def test_policy_that_is_not_understood_is_not_evaluated():
    unclear = {**statement("iam:PutUserPolicy", USER), "Unknown": "element"}
    result = escalations(account(unclear).graph())
    assert result.paths == ()
    assert any("Unknown" in text for text in result.not_evaluated)


UNKNOWN_POLICIES = account(statement("s3:Get*"), other_policies=Unknown("not in the state"))


def test_policies_that_the_source_does_not_have_are_not_evaluated():
    result = escalations(UNKNOWN_POLICIES.graph())
    assert result.paths == ()
    (text,) = result.not_evaluated
    assert text.startswith(f"permissions of {USER}: ")
    assert "not in the state" in text


def test_what_the_source_could_not_read_is_listed():
    graph = replace(WEB_PODS.graph(), principals=Table.not_read("IAM principals", "AccessDenied: iam:ListRoles"))
    escalations(graph)
    assert "AccessDenied: iam:ListRoles" in str(graph.not_read())


def test_role_that_the_source_lacks_is_listed():
    roles = Table.partial({}, "role", "the stack does not declare it")
    graph = replace(WEB_PODS.graph(), rbac_roles=roles)
    assert escalations(graph).paths == ()
    assert "role web/developer" in str(graph.not_read())


def test_subjects_of_kubernetes_itself_are_no_sources_and_everybody_is():
    create = role("creator", (rule_on("", "pods", ("create",)),))
    objects = CLUSTER.changed(
        rbac_roles={**CLUSTER.rbac_roles, **create},
        rbac_bindings={
            **CLUSTER.rbac_bindings,
            **binding("system:controller:job", "creator", BindingSubject("ServiceAccount", "job", "kube-system")),
            **binding("everybody", "creator", BindingSubject("Group", "system:authenticated")),
        },
    )
    subjects = {path.subject for path in escalations(objects.graph()).paths}
    assert subjects == {"group system:authenticated: everybody with a valid token"}


def test_healthy_cluster_and_account_have_no_escalation():
    assert escalations(CLUSTER.graph()).paths == ()
    assert escalations(ACCOUNT_OBJECTS.graph()).paths == ()
    assert escalations(ACCOUNT_OBJECTS.graph()).administrators == (f"{ADMIN}: {TO_ACCOUNT}",)


def test_paths_are_listed_shortest_first():
    objects = account(
        statement("sts:AssumeRole"),
        base=with_role(
            "other",
            trust(AWS=USER),
            ACCOUNT_OBJECTS,
            {"own": document(statement("iam:UpdateAssumeRolePolicy", ADMIN))},
        ),
    )
    lengths = [len(path.techniques) for path in escalations(objects.graph()).paths]
    assert lengths == sorted(lengths)
    assert [path.techniques for path in found(objects, USER, TO_ACCOUNT)] == [("sts-001", "iam-012")]


def test_new_escalations_are_those_that_the_earlier_graph_lacks():
    assert new_escalations(WEB_PODS.graph(), WEB_PODS.graph()).paths == ()
    new = new_escalations(CLUSTER.graph(), WEB_PODS.graph())
    assert STRONG in {path.reaches for path in new.paths}
    assert new_escalations(WEB_PODS.graph(), CLUSTER.graph()).paths == ()


def test_new_escalations_name_only_the_new_targets():
    accounts = {**WEB_PODS.service_accounts, ("web", "new"): ServiceAccount("web", "new")}
    subjects = [BindingSubject("ServiceAccount", name, "web") for name in ("strong", "new")]
    after = WEB_PODS.changed(
        service_accounts=accounts, rbac_bindings={**WEB_PODS.rbac_bindings, **binding("strong", "reader", *subjects)}
    )
    (path,) = new_escalations(WEB_PODS.graph(), after.graph()).paths
    assert (path.reaches, path.also_reaches) == ("service account web/new", ())


def test_from_must_be_a_subject():
    with pytest.raises(UsageError, match="must be an ARN"):
        escalations(CLUSTER.graph(), "dev")


def test_page_and_sarif_have_the_path_and_the_cut():
    page = escalations_page(escalations(WEB_PODS.graph()))
    text = str(page)
    assert "k8s-create-pods" in text
    assert "service control policies are not read" in page.notes
    results = sarif(page.findings, "snapshot")["runs"][0]["results"]
    fingerprints = [result["partialFingerprints"]["findingAndObject/v1"] for result in results]
    assert len(set(fingerprints)) == len({(f.kind.id, f.subject) for f in page.findings})


def test_command_exits_with_1_for_a_path_and_with_0_without(tmp_path):
    broken, healthy = tmp_path / "broken.json", tmp_path / "healthy.json"
    save_snapshot(take_snapshot(WEB_PODS.graph()), broken)
    save_snapshot(take_snapshot(CLUSTER.graph()), healthy)
    done = run("escalations", "--source", broken, "--json")
    assert done.returncode == 1, done.stderr
    assert {path["reaches"] for path in json.loads(done.stdout)["escalations"]["paths"]} >= {STRONG}
    assert run("escalations", "--source", broken, "--from", "group:developers").returncode == 1
    assert run("escalations", "--source", healthy).returncode == 0
    unclear = tmp_path / "unclear.json"
    save_snapshot(take_snapshot(UNKNOWN_POLICIES.graph()), unclear)
    assert run("escalations", "--source", unclear).returncode == 3
    assert run("escalations", "--from", "dev", "--source", healthy).returncode == 2


@pytest.mark.parametrize("name", ["x:root", ":assumed-role/x", "x:oidc-provider/y"])
def test_malformed_name_in_a_trust_policy_trusts_nobody(name):
    """A text that is no ARN is of no account, neither as a caller nor as a provider."""
    everything = account(statement("iam:CreateOpenIDConnectProvider"), statement("sts:AssumeRole"))
    for kind in ("AWS", "Federated"):
        graph = with_role("odd", trust(**{kind: name}), everything, {"all": EVERYTHING}).graph()
        assert not escalations(graph).paths
        allowed = who_can_in_aws(graph, "s3:PutObject", "*").paths
        assert [each.subject for each in allowed if "odd" in str(each)] == [arn("role/odd")]
