"""`who-can ACTION ARN` returns everybody who can do something in AWS, each with the path."""

from dataclasses import replace

import pytest

from eks_access.graph.aws_objects import IamGroup, IamPrincipal
from eks_access.graph.kubernetes_objects import BindingSubject, Pod, RbacBinding, ServiceAccount
from eks_access.graph.tables import Table
from eks_access.questions.aws.who_can_in_aws import who_can_in_aws
from eks_identity.model.existing_entries import AssociatedPolicy, ExistingEntry
from eks_identity.model.rbac import Rule, rule_on
from support.access_graphs import Objects, arn, binding, group, role
from support.workload_chains import (
    ACTION,
    EXTERNAL_ID,
    KEY,
    OTHER_ACCOUNT,
    POD,
    POLICY_ARN,
    RESOURCE,
    ROLE_ANNOTATION,
    ROLE_ARN,
    TARGET_ROLE_ARN,
    allow,
    chained,
    document,
    irsa,
    irsa_statement,
    next_role,
    pod_identity,
    tagged_policies,
)

ACCOUNT = "service account default/test-sa"
USER = arn("user/eks-ope")
STATEMENT = f"Allow statement 0 of {POLICY_ARN}"
BY_ANNOTATION = f"annotation {ROLE_ANNOTATION} → role {ROLE_ARN} → {STATEMENT}"


def paths(graph, action=ACTION, resource=RESOURCE):
    return [str(path) for path in who_can_in_aws(graph, action, resource).paths]


def with_user(data, **policies):
    """The data with an IAM user."""
    data.principals[USER] = IamPrincipal(USER, **policies)
    return data


def in_cluster(data, **objects):
    """The graph of the data in a cluster with these Kubernetes objects."""
    tables = {name: getattr(data, name) for name in ("principals", "policies", "associations", "pods")}
    made = Objects(oidc_providers=data.providers, service_accounts=data.accounts, **tables, **objects)
    return made.graph()


def test_who_can_follows_service_account_annotation_role_and_statement():
    (own, account) = who_can_in_aws(irsa().graph(), ACTION, RESOURCE).paths
    assert str(own) == f"{ROLE_ARN} → {STATEMENT}"
    assert str(account) == f"{ACCOUNT} → {BY_ANNOTATION}"
    assert account.pods == (POD[1],)


def test_who_can_follows_an_association_to_its_target_role():
    read = "Allow statement 0 of inline policy read"
    assert paths(chained().graph()) == [
        f"{TARGET_ROLE_ARN} → {read}",
        f"{ACCOUNT} → Pod Identity association a-1 → role {ROLE_ARN} → target role {TARGET_ROLE_ARN} → {read}",
        f"{ROLE_ARN} → assumes role {TARGET_ROLE_ARN} → {read}, if StringEquals sts:ExternalId {EXTERNAL_ID}",
    ]


def broken_trust(data):
    data.set_trust(irsa_statement("system:serviceaccount:default:other-sa"))


def no_provider(data):
    data.providers.clear()


def denied(data):
    data.set_role(inline_policies={"deny": document({**allow("s3:*"), "Effect": "Deny"})})


def in_boundary(data):
    data.policies[arn("policy/boundary")] = document(allow("sqs:*"))
    data.set_role(boundary=arn("policy/boundary"))


@pytest.mark.parametrize("fault", [broken_trust, no_provider, denied, in_boundary])
def test_who_can_leaves_out_a_service_account_whose_chain_is_broken(fault):
    data = irsa()
    fault(data)
    assert not any(path.startswith("service account") for path in paths(data.graph()))


def test_who_can_leaves_out_other_actions_and_resources():
    assert paths(irsa().graph(), "s3:DeleteBucket") == []
    data = irsa()
    data.policies[POLICY_ARN] = document(allow(resource="arn:aws:s3:::other"))
    assert paths(data.graph()) == []


def test_who_can_gives_unknown_conditions_as_a_third_answer():
    data = irsa()
    data.policies[POLICY_ARN] = document({**allow(), "Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}})
    for path in who_can_in_aws(data.graph(), ACTION, RESOURCE).paths:
        assert path.conditions == ("IpAddress aws:SourceIp 10.0.0.0/8",)


def test_who_can_gives_a_deny_with_an_unknown_condition_as_its_opposite():
    deny = {**allow("s3:*"), "Effect": "Deny", "Condition": {"StringEquals": {"aws:SourceVpc": "vpc-1"}}}
    data = irsa()
    data.set_role(inline_policies={"deny": document(deny)})
    assert paths(data.graph())[0] == f"{ROLE_ARN} → {STATEMENT}, if not (StringEquals aws:SourceVpc vpc-1)"


def test_who_can_gives_a_part_that_was_not_read_as_a_condition():
    *_, path = paths(irsa().graph(not_read="oidc_providers"))
    assert path.startswith(ACCOUNT)
    assert "not read" in path.partition(", if ")[2]


def test_who_can_evaluates_the_session_tags_of_each_service_account():
    data = tagged_policies()
    data.policies[POLICY_ARN] = document(allow("s3:*", "arn:aws:s3:::${aws:PrincipalTag/kubernetes-service-account}"))
    data.accounts["default", "b"] = ServiceAccount("default", "b")
    data.associations["default", "b"] = replace(data.associations[KEY], id="a-2", service_account="b")
    data.set_trust(pod_identity().principals[ROLE_ARN].trust_policy["Statement"][0])
    found = paths(data.graph(), ACTION, "arn:aws:s3:::b")
    assert [path.partition(" →")[0] for path in found] == ["service account default/b"]


def test_who_can_reads_the_policies_of_users_and_their_groups():
    data = with_user(irsa(), groups=("readers",))
    made = Objects(
        principals={USER: data.principals[USER]},
        groups={"readers": IamGroup(arn("group/readers"), {"read": document(allow())})},
    )
    assert paths(made.graph()) == [f"{USER} → Allow statement 0 of inline policy read of group readers"]


ASSUME = document(allow("sts:AssumeRole", ROLE_ARN))
BY_USER = {"Effect": "Allow", "Principal": {"AWS": USER}, "Action": "sts:AssumeRole"}
BY_ACCOUNT = {"Effect": "Allow", "Principal": {"AWS": "123456789012"}, "Action": "sts:AssumeRole"}
HOPS = {
    "trust names the user": (BY_USER, {}, ""),
    "trust names the account and the user's policy the role": (BY_ACCOUNT, {"assume": ASSUME}, ""),
    "trust names the account alone": (BY_ACCOUNT, {}, None),
    "trust names neither": (irsa_statement(), {"assume": ASSUME}, None),
    "trust has a condition": (
        {**BY_USER, "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}}},
        {},
        ", if Bool aws:MultiFactorAuthPresent true",
    ),
}


@pytest.mark.parametrize(("trust", "inline", "expected"), HOPS.values(), ids=HOPS)
def test_who_can_follows_a_principal_that_may_assume_the_role(trust, inline, expected):
    data = with_user(irsa(), inline_policies=inline)
    data.set_trust(irsa_statement(), trust)
    found = [path for path in paths(data.graph()) if path.startswith(USER)]
    assert found == ([] if expected is None else [f"{USER} → assumes role {ROLE_ARN} → {STATEMENT}{expected}"])


def test_who_can_follows_a_pod_that_assumes_another_role():
    (found,) = [path for path in paths(next_role().graph()) if path.startswith(ACCOUNT)]
    own = f"{ACCOUNT} → Pod Identity association a-1 → role {ROLE_ARN}"
    assert found == f"{own} → assumes role {TARGET_ROLE_ARN} → Allow statement 0 of inline policy read"


def test_who_can_assume_a_role_needs_its_trust_policy():
    data = with_user(irsa(), inline_policies={"assume": ASSUME})
    assert paths(data.graph(), "sts:AssumeRole", ROLE_ARN) == []
    data.set_trust(BY_ACCOUNT)
    statements = f"Allow statement 0 of trust policy of {ROLE_ARN} and Allow statement 0 of inline policy assume"
    assert paths(data.graph(), "sts:AssumeRole", ROLE_ARN) == [f"{USER} → {statements}"]


def test_who_can_makes_another_account_conditional_on_the_policy_of_the_resource():
    data = irsa()
    data.policies[POLICY_ARN] = document(allow("sqs:*"))
    queue = f"arn:aws:sqs:ap-northeast-1:{OTHER_ACCOUNT}:jobs"
    for path in paths(data.graph(), "sqs:SendMessage", queue):
        assert path.endswith(f"if the policy of {queue} in account {OTHER_ACCOUNT} allows it (not read)")


GRANTS = {
    "pods": (rule_on("", "pods", ("create",)), "create pods"),
    "deployments": (rule_on("apps", "deployments", ("create",)), "create deployments.apps"),
    "cronjobs": (rule_on("batch", "cronjobs", ("*",)), "create cronjobs.batch"),
    "replicationcontrollers": (rule_on("", "replicationcontrollers", ("create",)), "create replicationcontrollers"),
    "exec": (rule_on("", "pods/exec", ("create",)), "execute commands in its pods"),
    "exec by GET": (rule_on("", "pods/exec", ("get",)), "execute commands in its pods"),
    "exec in the pod": (Rule(("create",), ("pods/exec",), ("",), (POD[1],)), "execute commands in its pods"),
    "exec in another pod": (Rule(("create",), ("pods/exec",), ("",), ("other",)), ""),
    "token": (rule_on("", "serviceaccounts/token", ("create",)), "create serviceaccounts/token"),
    "token of another": (Rule(("create",), ("serviceaccounts/token",), ("",), ("other-sa",)), ""),
    "read only": (rule_on("", "pods", ("get", "list")), ""),
}


@pytest.mark.parametrize(("rule", "means"), GRANTS.values(), ids=GRANTS)
def test_who_can_follows_who_gets_the_pods_of_the_service_account(rule, means):
    graph = in_cluster(
        with_user(irsa()),
        entries={USER: ExistingEntry(USER, "eks-ope", ("operators",))},
        rbac_roles=role("r", (rule,)),
        rbac_bindings=binding("b", "r", group("operators"), namespace="default"),
    )
    found = [path for path in paths(graph) if path.startswith(USER)]
    steps = "access entry → group operators → RoleBinding default/b → ClusterRole r"
    by = f"may {means} in namespace default → {ACCOUNT} → {BY_ANNOTATION}"
    assert found == ([f"{USER} → {steps} → {by}"] if means else [])


def test_who_can_follows_pods_only_in_the_namespace_of_the_service_account():
    edit = role("r", (rule_on("", "pods", ("create",)),))
    graph = in_cluster(irsa(), rbac_roles=edit, rbac_bindings=binding("b", "r", group("web"), namespace="web"))
    assert "group web" not in str(paths(graph))
    graph = in_cluster(irsa(), rbac_roles=edit, rbac_bindings=binding("b", "r", group("all")))
    assert any(path.startswith("group all → ClusterRoleBinding b") for path in paths(graph))


def test_who_can_follows_access_policies_and_other_service_accounts():
    edit = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSEditPolicy"
    entry = ExistingEntry(USER, "eks-ope", (), policies=(AssociatedPolicy(edit, ("default",)),))
    deployer = RbacBinding("default", "b", "ClusterRole", "r", (BindingSubject("ServiceAccount", "deployer", "ci"),))
    own = binding("own", "r", BindingSubject("ServiceAccount", *reversed(KEY)), namespace="default")
    graph = in_cluster(
        with_user(irsa()),
        entries={USER: entry},
        rbac_roles=role("r", (rule_on("", "pods", ("create",)),)),
        rbac_bindings={deployer.key: deployer, **own},
    )
    subjects = [path.partition(" →")[0] for path in paths(graph)]
    assert subjects == [ROLE_ARN, USER, "service account ci/deployer", ACCOUNT]


def test_who_can_says_that_an_undocumented_access_policy_may_give_pods():
    compute = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSComputePolicy"
    entry = ExistingEntry(USER, "eks-ope", (), policies=(AssociatedPolicy(compute),))
    graph = in_cluster(with_user(irsa()), entries={USER: entry})
    says = f"not evaluated: {USER}: AWS does not document the rules of access policy AmazonEKSComputePolicy"
    assert any(note.startswith(says) for note in who_can_in_aws(graph, ACTION, RESOURCE).notes)


def test_who_can_marks_the_controllers_of_kubernetes():
    controller = BindingSubject("ServiceAccount", "job-controller", "kube-system")
    graph = in_cluster(
        irsa(),
        rbac_roles=role("r", (rule_on("", "pods", ("create",)),)),
        rbac_bindings={
            **binding("system:controller:job-controller", "r", controller),
            **binding("b", "r", group("web")),
        },
    )
    found = {path.subject: path.is_of_system for path in who_can_in_aws(graph, ACTION, RESOURCE).paths}
    assert found["service account kube-system/job-controller"]
    assert not found["group web"]


def test_who_can_groups_the_service_accounts_of_one_role():
    data = irsa()
    statement = irsa_statement()
    condition = {"StringLike": dict.fromkeys(statement["Condition"]["StringEquals"], "*")}
    data.set_trust({**statement, "Condition": condition})
    for name in ("a", "b"):
        data.accounts["default", name] = ServiceAccount("default", name, data.accounts[KEY].annotations)
    graph = in_cluster(
        data,
        rbac_roles=role("r", (rule_on("", "pods", ("create",)),)),
        rbac_bindings=binding("b", "r", group("web")),
    )
    (path,) = [path for path in paths(graph) if path.startswith("group web")]
    assert "service account default/a and 2 more" in path


def test_who_can_says_what_it_does_not_see():
    notes = who_can_in_aws(irsa().graph(), ACTION, RESOURCE).notes
    assert any(note.startswith("resource-based policies are not read") for note in notes)


def test_who_can_notes_bindings_that_were_not_read():
    graph = replace(irsa().graph(), rbac_bindings=Table.not_read("RBAC bindings", "Forbidden"))
    found = who_can_in_aws(graph, ACTION, RESOURCE)
    assert [path.subject for path in found.paths] == [ROLE_ARN, ACCOUNT]
    assert "RBAC bindings: Forbidden" in str(found.notes)
    assert graph.not_read() != []


def test_who_can_names_the_pods_of_a_service_account():
    data = irsa()
    data.pods["default", "other"] = Pod("default", "other", "other-sa")
    *_, path = who_can_in_aws(data.graph(), ACTION, RESOURCE).paths
    assert path.pods == (POD[1],)
