"""`escalations` of 1,000 roles and 10,000 service accounts ends: to search each pair of subjects would take hours."""

from eks_access.graph.aws_objects import IamPrincipal, OidcProvider
from eks_access.graph.kubernetes_objects import BindingSubject, ServiceAccount
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
    graph = generated()
    found = escalations(graph)
    by_passing = [path for path in found.paths if path.reaches == TO_ACCOUNT and "lambda-001" in path.techniques]
    assert len(by_passing) >= ROLES // 20
    assert all(path.cut is not None and path.cut.is_checked for path in found.paths)
