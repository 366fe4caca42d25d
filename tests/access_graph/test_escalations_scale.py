"""`escalations` of a large cluster ends: what many subjects share is searched, compared and evaluated once."""

from eks_access.graph.aws_objects import IamPrincipal, OidcProvider
from eks_access.graph.kubernetes_objects import BindingSubject, ServiceAccount
from eks_access.questions.escalation import cluster_permissions
from eks_access.questions.escalation.workload_roles import WorkloadRoles
from eks_access.questions.escalations import escalations
from eks_identity.model.existing_entries import ExistingEntry
from eks_identity.model.rbac import rule_on
from support.access_graphs import Objects, arn, binding, role
from support.escalation_graphs import ACCOUNT_OBJECTS, ADMIN, CLUSTER, TO_ACCOUNT, statement
from support.workload_chains import ISSUER, ROLE_ANNOTATION, document, irsa_statement, provider_arn

ROLES, ACCOUNTS, BINDINGS, USERS, NAMESPACES = 1_000, 10_000, 500, 50, 100


def generated():
    """Service accounts with roles; every twentieth role can pass roles to Lambda; teams may edit four namespaces."""
    keys = [(f"ns-{index % NAMESPACES}", f"sa-{index}") for index in range(ACCOUNTS)]
    role_arns = [arn(f"role/r-{index}") for index in range(ROLES)]
    principals = {ADMIN: ACCOUNT_OBJECTS.principals[ADMIN]}
    for index, role_arn in enumerate(role_arns):
        trusted = irsa_statement([f"system:serviceaccount:{':'.join(key)}" for key in keys[index::ROLES]])
        actions = "s3:Get*" if index % 20 else ["iam:PassRole", "lambda:*"]
        policies = {"own": document(statement(actions))}
        principals[role_arn] = IamPrincipal(role_arn, trust_policy=document(trusted), inline_policies=policies)
    bindings = binding("deployers", "deployer", BindingSubject("Group", "team-1"))
    for index in range(BINDINGS):
        is_team = index % 10 == 0
        subject = (
            BindingSubject("Group", f"team-{index % USERS}")
            if is_team
            else BindingSubject("ServiceAccount", keys[index][1], keys[index][0])
        )
        namespace = f"ns-{index % NAMESPACES}"
        bindings |= binding(f"b-{index}", "editor" if is_team else "reader", subject, namespace=namespace)
    users = {arn(f"user/u-{index}"): index for index in range(USERS)}
    return Objects(
        principals=principals | {user: IamPrincipal(user) for user in users},
        oidc_providers={provider_arn(): OidcProvider(provider_arn(), ISSUER, ("sts.amazonaws.com",))},
        entries={user: ExistingEntry(user, f"u-{index}", (f"team-{index}",)) for user, index in users.items()},
        rbac_roles={
            **CLUSTER.rbac_roles,
            **role("editor", (rule_on("", "pods", ("get", "create")),)),
            **role("deployer", (rule_on("apps", "deployments", ("create",)),)),
        },
        rbac_bindings=bindings,
        service_accounts={
            key: ServiceAccount(*key, {ROLE_ANNOTATION: role_arns[index % ROLES]}) for index, key in enumerate(keys)
        },
    ).graph()


def test_escalations_of_a_large_cluster_are_found():
    """To search each pair of 1,000 roles and 10,000 service accounts would take hours."""
    graph = generated()
    found = escalations(graph)
    by_passing = [path for path in found.paths if path.reaches == TO_ACCOUNT and "lambda-001" in path.techniques]
    assert len(by_passing) >= ROLES // 20
    assert all(path.cut is not None and path.cut.is_checked for path in found.paths)


def test_permissions_of_equal_roles_are_compared_once(monkeypatch):
    """Service accounts with the same roles in a namespace share the comparison of their permissions."""
    compared = []
    compare = cluster_permissions.missing_permissions
    monkeypatch.setattr(
        cluster_permissions, "missing_permissions", lambda *grants: compared.append(grants) or compare(*grants)
    )
    accounts = {("web", f"sa-{index}"): ServiceAccount("web", f"sa-{index}") for index in range(40)}
    bindings = {}
    for index, (namespace, name) in enumerate(accounts):
        subject = BindingSubject("ServiceAccount", name, namespace)
        bindings |= binding(f"b-{index}", "editor" if index % 2 else "reader", subject, namespace=namespace)
    roles = role("editor", (rule_on("", "pods", ("create",)),)) | role("reader", (rule_on("", "pods", ("get",)),))
    graph = CLUSTER.changed(service_accounts=accounts, rbac_bindings=bindings, rbac_roles=roles).graph()
    found = {path.subject: {path.reaches, *path.also_reaches} for path in escalations(graph).paths}
    readers = {f"service account web/sa-{index}" for index in range(0, 40, 2)}
    assert found == {f"service account web/sa-{index}": readers for index in range(1, 40, 2)}
    assert len(compared) == 1


def test_trust_policies_are_evaluated_once_for_all_accounts_that_they_do_not_name(monkeypatch):
    """Who can write service accounts in 20 namespaces: a role is evaluated for those it names, and once for others."""
    evaluated = []
    evaluate = WorkloadRoles._trusts_subject
    monkeypatch.setattr(
        WorkloadRoles, "_trusts_subject", lambda *arguments: evaluated.append(arguments[1:]) or evaluate(*arguments)
    )
    keys = [(f"ns-{index}", f"sa-{index}") for index in range(20)]
    role_arn, any_arn = arn("role/one"), arn("role/any")
    named = irsa_statement(["system:serviceaccount:ns-3:sa-3"])
    like = {**irsa_statement(), "Condition": {"StringLike": {f"{ISSUER}:sub": "system:serviceaccount:ns-1*"}}}
    policies = {"own": document(statement("s3:Get*"))}
    bindings = {}
    for namespace, name in keys:
        subject = BindingSubject("ServiceAccount", name, namespace)
        bindings |= binding(f"b-{name}", "writer", subject, namespace=namespace)
    graph = CLUSTER.changed(
        principals={
            role_arn: IamPrincipal(role_arn, trust_policy=document(named), inline_policies=policies),
            any_arn: IamPrincipal(any_arn, trust_policy=document(like), inline_policies=policies),
        },
        oidc_providers={provider_arn(): OidcProvider(provider_arn(), ISSUER, ("sts.amazonaws.com",))},
        service_accounts={key: ServiceAccount(*key) for key in keys},
        rbac_bindings=bindings,
        rbac_roles=role("writer", (rule_on("", "serviceaccounts pods", ("create",)),)),
    ).graph()
    found = {
        (path.subject, target) for path in escalations(graph).paths for target in (path.reaches, *path.also_reaches)
    }
    matching = {f"service account ns-{index}/sa-{index}" for index in (1, *range(10, 20))}
    assert {subject for subject, target in found if target == any_arn} == matching
    assert {subject for subject, target in found if target == role_arn} == {"service account ns-3/sa-3"}
    assert len([each for each in evaluated if each[0] == role_arn]) == 2
