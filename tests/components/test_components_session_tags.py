"""Policies and trust policies that need session tags, through every component that creates a role, and each mode."""

import json

import pulumi
import pulumi_aws as aws
import pytest
from test_components_workload import on_cluster

import eks_identity as eks
from eks_identity.runtime.inputs import InvalidInputError
from support.component_program import ACCOUNT, REGION, deploy, provider_arn

NAMESPACE = "aws:PrincipalTag/kubernetes-namespace"
SCOPE = f"arn:aws:s3:::files/${{{NAMESPACE}}}/*"
STATEMENT = {"actions": ["s3:GetObject"], "resources": [SCOPE]}
DOCUMENT = json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": SCOPE}]}
)
ROLE_ARN = f"arn:aws:iam::{ACCOUNT}:role/app"
CLUSTER_ARN = f"arn:aws:eks:{REGION}:{ACCOUNT}:cluster/eks-clu"
OTHER_ACCOUNT = "444455556666"
SUBJECT = {"namespace": "default", "name": "app"}
POD_IDENTITY = {"mode": "pod-identity"}
UNTAGGED = {**POD_IDENTITY, "disable_session_tags": True}
ROLE = "aws:iam/role:Role"


def workload(connection, **args):
    args = {"namespace": "default", "service_account": "app", **args}
    return eks.WorkloadIdentity("app", {"cluster": connection, **args}, on_cluster())


def irsa_workload(connection, **args):
    return workload(connection, mode="irsa", oidc_provider_arn=provider_arn(), **args)


def back_to_irsa(connection, **args):
    return irsa_workload(connection, keep_pod_identity=True, **args)


def pod_identity(connection, **args):
    return workload(connection, **{**POD_IDENTITY, **args})


def untagged(connection, **args):
    return workload(connection, **UNTAGGED, **args)


def both_ways(connection, **args):
    return pod_identity(connection, oidc_provider_arn=provider_arn(), **args)


def irsa_role(connection, **args):
    return eks.IrsaRole("app", {"oidc_provider_arns": [provider_arn()], "subjects": [SUBJECT], **args})


def pod_identity_role(connection, **args):
    return eks.PodIdentityRole("app", args)


def chained_role(connection, **args):
    return eks.ChainedRole("app", {"trusted_role_arns": [ROLE_ARN], **args})


def addon(connection, **args):
    args = {"addon_name": "aws-ebs-csi-driver", "mode": "pod-identity", **args}
    return eks.Addon("app", {"cluster": connection, **args})


def irsa_addon(connection, **args):
    return addon(connection, mode="irsa", oidc_provider_arn=provider_arn(), **args)


WITHOUT_TAGS = [irsa_workload, back_to_irsa, untagged, irsa_role, irsa_addon]
WITH_TAGS = [pod_identity, both_ways, pod_identity_role, chained_role, addon]


def problems(program, *, preview=True):
    with pytest.raises(InvalidInputError) as error:
        deploy(program, preview=preview)
    return list(error.value.problems)


@pytest.fixture
def warned(monkeypatch):
    """The warnings of programs."""
    warnings = []
    monkeypatch.setattr(pulumi.log, "warn", lambda message, *_, **__: warnings.append(message))
    return warnings


PLACES = {
    "statements": ({"statements": [STATEMENT]}, "statements[0].resources[0]"),
    "inline policy": ({"inline_policies": {"own": DOCUMENT}}, "inline_policies.own.Statement[0].Resource"),
}


@pytest.mark.parametrize("component", WITHOUT_TAGS)
@pytest.mark.parametrize(("policy", "place"), PLACES.values(), ids=list(PLACES))
def test_policy_that_needs_missing_session_tags_is_rejected(connection, component, policy, place):
    """IRSA in each of its forms, and Pod Identity with disable_session_tags: once, at preview, with the reason."""
    (problem,) = problems(lambda: component(connection, **policy))
    assert problem.input == place
    assert problem.rule.startswith("must not need the session tag kubernetes-namespace: ")
    assert problem.value == SCOPE


@pytest.mark.parametrize("component", WITH_TAGS)
@pytest.mark.parametrize(("policy", "place"), PLACES.values(), ids=list(PLACES))
def test_policy_that_needs_session_tags_is_accepted_with_pod_identity(connection, component, policy, place):
    """Pod Identity, and roles that are assumed from its sessions: the tags are transitive."""
    assert (
        SCOPE in deploy(lambda: component(connection, **policy)).one("aws:iam/rolePolicy:RolePolicy").inputs["policy"]
    )


@pytest.mark.parametrize("component", WITHOUT_TAGS)
def test_tag_of_the_role_replaces_a_session_tag(connection, component):
    """IAM reads a role's own tags as principal tags: a role tag with the key satisfies the policy."""
    deploy(lambda: component(connection, statements=[STATEMENT], tags={"kubernetes-namespace": "default"}))


@pytest.mark.parametrize("component", [irsa_workload, untagged])
@pytest.mark.parametrize("preview", [True, False])
def test_session_tags_of_outputs_are_checked_when_they_are_resolved(connection, component, preview):
    """In documents and statements, also next to an Output that is unknown in the preview."""
    bucket = pulumi.Output.from_input

    def program(**args):
        return lambda: component(connection, **{key: value() for key, value in args.items()})

    (problem,) = problems(program(inline_policies=lambda: {"own": bucket(DOCUMENT)}), preview=preview)
    assert problem.input == "inline_policies.own.Statement[0].Resource"
    late = {"actions": ["s3:*"], "resources": ["*"]}
    rejected = problems(
        program(statements=lambda: [late, {**STATEMENT, "resources": [bucket(SCOPE)]}]), preview=preview
    )
    assert [problem.input for problem in rejected] == ["statements[1].resources[0]"]

    def unknown():
        files = aws.s3.Bucket("files")
        return [{**STATEMENT, "resources": [files.arn, SCOPE]}]

    assert [one.input for one in problems(program(statements=unknown))] == ["statements[0].resources[1]"]


@pytest.mark.parametrize("component", [irsa_workload, untagged, irsa_role])
@pytest.mark.parametrize("preview", [True, False])
@pytest.mark.parametrize("field", ["policies", "permissions_boundary"])
def test_session_tags_of_a_managed_policy_of_the_same_program_are_checked(connection, component, preview, field):
    """The policy's document is known in the preview although its ARN is not."""

    def program():
        policy = aws.iam.Policy("own", policy=DOCUMENT)
        component(connection, **{field: [policy.arn] if field == "policies" else policy.arn})

    (problem,) = problems(program, preview=preview)
    assert problem.input.startswith(
        "policies[0].Statement" if field == "policies" else "permissions_boundary.Statement"
    )


def test_session_policy_never_has_session_tags(connection):
    """EKS accepts session policies only with disable_session_tags, so the fix does not remove it."""
    for policy in (DOCUMENT, lambda: pulumi.Output.from_input(DOCUMENT)):
        (problem,) = problems(
            lambda policy=policy: untagged(connection, session_policy=policy() if callable(policy) else policy)
        )
        assert problem.input.startswith("session_policy")
        assert "disable_session_tags" not in problem.fix
    (_, problem) = problems(lambda: untagged(connection, session_policy=DOCUMENT, statements=[STATEMENT]))
    assert "disable_session_tags" not in problem.fix


def test_running_pods_of_irsa_without_session_tags_are_reported(connection, warned):
    """With `oidc_provider_arn` set, pods may still run that started with IRSA and have no session tags."""
    deploy(lambda: both_ways(connection, statements=[STATEMENT]))
    (warning,) = [one for one in warned if "session tag" in one]
    assert warning.startswith('WorkloadIdentity "app": statements[0].resources[0] needs the session tag')
    assert "until they are recreated" in warning


def test_fixes_for_missing_session_tags_work(connection):
    """Each fix that the error names is accepted."""
    (problem,) = problems(lambda: back_to_irsa(connection, statements=[STATEMENT]))
    assert problem.fix.endswith("or set mode to pod-identity")
    deploy(lambda: both_ways(connection, statements=[STATEMENT]))
    fixed = problem.fix.partition("a default: ")[2].partition(";")[0]
    written = {**STATEMENT, "resources": [SCOPE.replace(f"${{{NAMESPACE}}}", fixed)]}
    deploy(lambda: back_to_irsa(connection, statements=[written]))
    (problem,) = problems(lambda: untagged(connection, statements=[STATEMENT]))
    assert problem.fix.endswith("or remove disable_session_tags")
    deploy(lambda: pod_identity(connection, statements=[STATEMENT]))


# Trust policies


ACCEPTED = [
    (pod_identity, "aws:SourceOrgId", "${aws:ResourceOrgId}"),
    (pod_identity, "aws:SourceAccount", ACCOUNT),
    (pod_identity, "aws:SourceArn", CLUSTER_ARN),
    (pod_identity, "aws:RequestTag/kubernetes-namespace", "default"),
    (untagged, "aws:SourceOrgPaths", "o-1/r-1/ou-1/*"),
    (irsa_workload, "aws:SourceIp", "203.0.113.0/24"),
    (irsa_role, "aws:SourceVpc", "vpc-1"),
    (irsa_addon, "aws:SourceVpce", "vpce-1"),
    (pod_identity_role, "aws:SourceOrgID", "o-1"),
    (addon, "aws:SourceAccount", ACCOUNT),
    (chained_role, "aws:PrincipalOrgID", "o-1"),
    (chained_role, "sts:ExternalId", "shop-1"),
    (chained_role, "aws:RequestTag/kubernetes-namespace", "default"),
    (chained_role, NAMESPACE, "default"),
]


@pytest.mark.parametrize(("component", "key", "value"), ACCEPTED)
def test_trust_conditions_reach_every_statement_of_the_trust_policy(connection, component, key, value):
    """Also with a value that is an Output."""
    test = "IpAddress" if key == "aws:SourceIp" else "StringLike"

    def program():
        values = [pulumi.Output.from_input(value)]
        component(connection, trust_conditions=[{"test": test, "variable": key, "values": values}])

    statements = json.loads(deploy(program).one(ROLE).inputs["assumeRolePolicy"])["Statement"]
    assert [statement["Condition"][test][key] for statement in statements] == [value]


REJECTED = [
    (pod_identity, "aws:PrincipalOrgID", "o-1", "variable"),
    (pod_identity, "aws:SourceIp", "203.0.113.1", "variable"),
    (pod_identity, NAMESPACE, "default", "variable"),
    (pod_identity, "sts:ExternalId", "shop", "variable"),
    (pod_identity, "aws:SourceAccount", OTHER_ACCOUNT, "values"),
    (pod_identity, "aws:SourceArn", f"{CLUSTER_ARN}-2", "values"),
    (pod_identity, "aws:RequestTag/kubernetes-namespace", "kube-system", "values"),
    (untagged, "aws:RequestTag/kubernetes-namespace", "default", "variable"),
    (irsa_workload, "aws:SourceAccount", ACCOUNT, "variable"),
    (irsa_workload, "aws:RequestTag/kubernetes-namespace", "default", "variable"),
    (back_to_irsa, "aws:SourceAccount", ACCOUNT, "variable"),
    (both_ways, "aws:SourceAccount", ACCOUNT, "variable"),
    (irsa_role, "aws:PrincipalOrgID", "o-1", "variable"),
    (irsa_addon, "aws:SourceOrgID", "o-1", "variable"),
    (pod_identity_role, "aws:PrincipalAccount", ACCOUNT, "variable"),
    (pod_identity_role, "aws:SourceArn", f"arn:aws:eks:*:{ACCOUNT}:podidentityassociation/*", "values[0]"),
    (addon, "aws:RequestTag/kubernetes-service-account", "other", "values"),
    (chained_role, "aws:SourceAccount", ACCOUNT, "variable"),
    (chained_role, "aws:PrincipalArn", f"{ROLE_ARN}-2", "values"),
]


@pytest.mark.parametrize(("component", "key", "value", "field"), REJECTED)
def test_trust_condition_that_never_holds_is_rejected_at_preview(connection, component, key, value, field):
    """AWS accepts such a trust policy, and denies every pod."""
    condition = {"test": "StringLike", "variable": key, "values": [value]}
    (problem,) = problems(lambda: component(connection, trust_conditions=[condition]))
    assert problem.input == f"trust_conditions[0].{field}"
    assert problem.rule.startswith("must ")


def test_role_with_both_modes_accepts_a_condition_for_one_mode(connection):
    """The operator of the fix restricts Pod Identity and does not restrict IRSA."""
    condition = {"test": "StringEquals", "variable": "aws:SourceAccount", "values": [ACCOUNT]}
    (problem,) = problems(lambda: both_ways(connection, trust_conditions=[condition]))
    assert "StringEqualsIfExists" in problem.fix
    fixed = {**condition, "test": "StringEqualsIfExists"}
    for component in (both_ways, back_to_irsa):
        deploy(lambda component=component: component(connection, trust_conditions=[fixed]))


def test_trust_condition_that_the_component_writes_itself_is_rejected(connection):
    """The component's own comparison is never replaced."""
    condition = {"test": "StringEquals", "variable": "aws:RequestTag/kubernetes-namespace", "values": ["default"]}
    (problem,) = problems(lambda: pod_identity(connection, match_session_tags=True, trust_conditions=[condition]))
    assert "compares it already" in problem.rule
    external = {"test": "StringEquals", "variable": "sts:ExternalId", "values": ["a1"]}
    (problem,) = problems(lambda: chained_role(connection, external_id="a2", trust_conditions=[external]))
    assert "compares it already" in problem.rule


def test_trust_conditions_with_an_existing_role_are_rejected(connection):
    """The component writes no trust policy for an existing role."""
    condition = {"test": "StringEquals", "variable": "aws:SourceAccount", "values": [ACCOUNT]}
    for component in (pod_identity, addon):
        args = {"role_arn": ROLE_ARN, "trust_conditions": [condition]}
        rejected = problems(lambda component=component, args=args: component(connection, **args))
        assert [problem.input for problem in rejected] == ["trust_conditions"]


# Roles of the same program


def using(role, connection, **settings):
    def program():
        created = role(connection)
        eks.WorkloadIdentity(
            "user",
            {
                "cluster": connection,
                "namespace": "default",
                "service_account": "app",
                "role_arn": created.arn if hasattr(created, "arn") else created.role_arn,
                **settings,
            },
            on_cluster(),
        )

    return program


def limited(connection):
    return pod_identity_role(connection, subjects=[SUBJECT], cluster_arns=[CLUSTER_ARN])


def limited_by_condition(connection):
    condition = {"test": "StringEquals", "variable": "aws:RequestTag/kubernetes-namespace", "values": ["default"]}
    return pod_identity_role(connection, trust_conditions=[condition])


def with_tag_policy(connection):
    return pod_identity_role(connection, statements=[STATEMENT])


@pytest.mark.parametrize("preview", [True, False])
@pytest.mark.parametrize("role", [limited, limited_by_condition, with_tag_policy])
def test_role_of_the_program_that_needs_tags_is_rejected_for_an_untagged_association(connection, role, preview):
    """The preview knows the role's policies before it is created: EKS could not assume it, or pods not use it."""
    (problem,) = problems(using(role, connection, **UNTAGGED), preview=preview)
    assert problem.input == "role_arn"
    assert 'PodIdentityRole "app"' in problem.rule
    assert problem.fix == "remove disable_session_tags"
    deploy(using(role, connection, **POD_IDENTITY), preview=preview)


def test_role_of_the_program_that_trusts_other_pods_is_rejected(connection):
    """A role for another service account, or for another mode, cannot be assumed."""
    other = {"subjects": [{"namespace": "default", "name": "other"}]}
    (problem,) = problems(using(lambda con: pod_identity_role(con, **other), connection, **POD_IDENTITY))
    assert "kubernetes-service-account, which is app in this call" in problem.rule
    (problem,) = problems(using(pod_identity_role, connection, mode="irsa"))
    assert "does not name" in problem.rule
    (problem,) = problems(using(irsa_role, connection, **POD_IDENTITY))
    assert "does not name pods.eks.amazonaws.com" in problem.rule
    deploy(using(irsa_role, connection, mode="irsa"))
    deploy(using(pod_identity_role, connection, **UNTAGGED))


def test_target_role_of_the_program_needs_the_tags_of_the_association(connection):
    """Session tags are transitive to the target role."""

    def program(**settings):
        def declare():
            target = chained_role(connection, statements=[STATEMENT])
            workload(connection, target_role_arn=target.arn, **settings)

        return declare

    (problem,) = problems(program(**UNTAGGED))
    assert (problem.input, problem.fix) == ("target_role_arn", "remove disable_session_tags")
    deploy(program(**POD_IDENTITY), preview=True)


def test_addons_and_service_accounts_check_roles_of_the_program(connection):
    """A role of the program that their pods could not assume is rejected."""
    role = {"subjects": [SUBJECT]}

    def by_addon():
        addon(connection, role_arn=pod_identity_role(connection, **role).arn)

    def by_annotation():
        role = pod_identity_role(connection)
        eks.ServiceAccount("account", {"namespace": "a", "name": "b", "role_arn": role.arn}, on_cluster())

    assert [one.input for one in problems(by_addon)] == ["role_arn"]
    assert [one.input for one in problems(by_annotation)] == ["role_arn"]
