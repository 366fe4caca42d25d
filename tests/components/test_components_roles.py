"""The settings of every IAM role, and the components IrsaRole, PodIdentityRole, ChainedRole and PipelineRole."""

import json

import pulumi
import pytest

import eks_identity as eks
from eks_identity.runtime.inputs import InvalidInputError
from support.component_program import ACCOUNT, ISSUER, REGION, Cloud, PluginError, deploy, provider_arn

ROLE = "aws:iam/role:Role"
POLICY = "aws:iam/rolePolicy:RolePolicy"
ATTACHMENT = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
OTHER = f"arn:aws:iam::{ACCOUNT}:role/other"
CLUSTER = f"arn:aws:eks:{REGION}:{ACCOUNT}:cluster/eks-clu"
GITHUB = provider_arn(issuer="https://token.actions.githubusercontent.com")
TO_ASSUME = ["sts:AssumeRole", "sts:TagSession"]


def irsa(**other):
    args = {"oidc_provider_arns": [provider_arn()], "subjects": [{"namespace": "a", "name": "b"}], **other}
    return lambda: eks.IrsaRole("r", {key: value for key, value in args.items() if value is not None})


def pod_identity(**other):
    return lambda: eks.PodIdentityRole("r", other)


def chained(**other):
    return lambda: eks.ChainedRole("r", {"trusted_role_arns": [OTHER], **other})


def pipeline(**other):
    args = {"oidc_provider_arn": GITHUB, "github_jobs": [{"repository": "octo-org/clusters", "branch": "main"}]}
    return lambda: eks.PipelineRole("r", {**args, **other})


def trust_of(deployment):
    return json.loads(deployment.one(ROLE).inputs["assumeRolePolicy"])["Statement"]


KINDS = [irsa, pod_identity, chained, pipeline]


@pytest.mark.parametrize("kind", KINDS)
def test_role_settings_reach_the_iam_role(kind):
    """Path, boundary, session duration, description, tags and prefix, with every trust policy."""
    settings = {
        "role_name_prefix": "team-",
        "path": "/team/",
        "permissions_boundary": f"arn:aws:iam::{ACCOUNT}:policy/boundary",
        "max_session_duration": 7200.0,
        "description": "for the shop",
        "tags": {"team": "shop"},
    }
    role = deploy(kind(**settings)).one(ROLE).inputs
    assert role["namePrefix"] == "team-"
    assert "name" not in role
    assert role["path"] == "/team/"
    assert role["permissionsBoundary"] == settings["permissions_boundary"]
    assert (role["maxSessionDuration"], role["description"], role["tags"]) == (7200, "for the shop", {"team": "shop"})


def statement(**other):
    return {"actions": ["s3:GetObject"], "resources": ["arn:aws:s3:::bucket/*"], **other}


@pytest.mark.parametrize("kind", KINDS)
def test_statements_and_assume_role_arns_are_one_inline_policy(kind):
    """Statements get IAM's form; assuming a role includes the permission to tag its session."""

    def program():
        values = [pulumi.Output.from_input("a")]
        condition = {"test": "StringEquals", "variable": "aws:ResourceTag/team", "values": values}
        statements = [statement(), statement(effect="Deny", conditions=[condition])]
        kind(statements=statements, assume_role_arns=["arn:aws:iam::444455556666:role/target"])()

    policy = deploy(program).one(POLICY).inputs
    assert policy["name"] == "statements"
    assert json.loads(policy["policy"])["Statement"] == [
        {"Effect": "Allow", "Action": ["s3:GetObject"], "Resource": ["arn:aws:s3:::bucket/*"]},
        {
            "Effect": "Deny",
            "Action": ["s3:GetObject"],
            "Resource": ["arn:aws:s3:::bucket/*"],
            "Condition": {"StringEquals": {"aws:ResourceTag/team": ["a"]}},
        },
        {"Effect": "Allow", "Action": TO_ASSUME, "Resource": "arn:aws:iam::444455556666:role/target"},
    ]


def test_policy_template_is_an_inline_policy_of_its_name():
    """A policy template is one inline policy, scoped to the named resources."""
    zone = "arn:aws:route53:::hostedzone/Z1"
    policy = deploy(irsa(policy_templates=[{"name": "external-dns", "hosted_zone_arns": [zone]}])).one(POLICY).inputs
    assert policy["name"] == "external-dns"
    assert zone in policy["policy"]


def document(size):
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s" * size}]})


INVALID_SETTINGS = {
    "name and prefix": ({"role_name": "a", "role_name_prefix": "b"}, "role_name_prefix"),
    "prefix": ({"role_name_prefix": "x" * 39}, "role_name_prefix"),
    "description": ({"description": "x" * 1001}, "description"),
    "effect": ({"statements": [statement(effect="allow")]}, "statements[0].effect"),
    "action": ({"statements": [statement(actions=["GetObject"])]}, "statements[0].actions[0]"),
    "no action": ({"statements": [statement(actions=[])]}, "statements[0].actions"),
    "resource": ({"statements": [statement(resources=["bucket"])]}, "statements[0].resources[0]"),
    "operator": (
        {"statements": [statement(conditions=[{"test": "StringEqual", "variable": "aws:username", "values": ["b"]}])]},
        "statements[0].conditions[0].test",
    ),
    "role to assume": ({"assume_role_arns": [f"arn:aws:iam::{ACCOUNT}:user/x"]}, "assume_role_arns[0]"),
    "inline": ({"inline_policies": {"a": document(6000), "b": document(6000)}}, "inline_policies"),
    "inline and statements": (
        {
            "inline_policies": {"a": document(10_000)},
            "statements": [statement(resources=["arn:aws:s3:::" + "b" * 200])],
        },
        "inline_policies",
    ),
    "name of the statements": (
        {"inline_policies": {"statements": document(1)}, "statements": [statement()]},
        "inline_policies.statements",
    ),
    "language of no year": (
        {"inline_policies": {"a": document(1).replace("2012-10-17", "2024-01-01")}},
        "inline_policies.a",
    ),
    "trust policy": (
        {"inline_policies": {"a": document(1).replace('"Effect"', '"Principal": "*", "Effect"')}},
        "inline_policies.a",
    ),
    "tag of AWS": ({"tags": {"aws:x": "y"}}, "tags.aws:x"),
    "policy by name and ARN": (
        {"policies": ["ReadOnlyAccess", "arn:aws:iam::aws:policy/ReadOnlyAccess"]},
        "policies[1]",
    ),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("wrong", "field"), INVALID_SETTINGS.values(), ids=list(INVALID_SETTINGS))
def test_role_rejects_invalid_settings(kind, wrong, field):
    """Settings that IAM rejects are rejected by their input, before anything is registered."""
    with pytest.raises(InvalidInputError) as error:
        deploy(kind(**wrong), preview=True)
    (problem,) = error.value.problems
    assert problem.input == field
    assert problem.fix


@pytest.mark.parametrize("kind", KINDS)
def test_permissions_boundary_must_be_of_the_roles_partition(kind):
    """A plain boundary and an Output are rejected: IAM has no such policy in the role's partition."""
    boundary = f"arn:aws-cn:iam::{ACCOUNT}:policy/boundary"
    for convert in (str, pulumi.Output.from_input):
        with pytest.raises(
            InvalidInputError, match=r"permissions_boundary: .*\n.*must be a policy of the role's partition"
        ):
            deploy(lambda convert=convert: kind(permissions_boundary=convert(boundary))(), preview=True)


def test_inline_policies_of_outputs_count_against_the_limit():
    """The sum is rejected when the Output is resolved, with templates and statements included."""

    def program():
        late = pulumi.Output.from_input(document(10_100))
        irsa(inline_policies={"own": late}, statements=[statement(resources=["arn:aws:s3:::" + "b" * 100])])()

    with pytest.raises(InvalidInputError, match=r"inline_policies: '10\d+ characters: "):
        deploy(program, preview=True)


def test_missing_aws_managed_policy_is_rejected_at_preview():
    """IAM is queried once for each AWS managed policy; without a response nothing is rejected."""
    absent = Cloud(getPolicy=PluginError("reading IAM Policy: NoSuchEntity"))
    with pytest.raises(InvalidInputError, match=r"did you mean AmazonS3ReadOnlyAccess\?"):
        deploy(irsa(policies=["AmazonS3ReadOnlyAcces"]), preview=True, cloud=absent)

    def twice():
        irsa(policies=["ReadOnlyAccess"])()
        eks.PodIdentityRole(
            "other", {"policies": ["ReadOnlyAccess"], "permissions_boundary": OTHER.replace("role", "policy")}
        )

    existing = Cloud(getPolicy={"arn": "arn:aws:iam::aws:policy/ReadOnlyAccess"})
    deploy(twice, preview=True, cloud=existing)
    assert [call.token for call in existing.calls if "getPolicy" in call.token] == ["aws:iam/getPolicy:getPolicy"]
    denied = Cloud(getPolicy=PluginError("AccessDenied"))
    assert deploy(irsa(policies=["ReadOnlyAcces"]), preview=True, cloud=denied).of(ATTACHMENT)
    assert deploy(irsa(policies=["ReadOnlyAcces"]), cloud=Cloud()).of(ATTACHMENT)


def providers(count):
    return [provider_arn(issuer=ISSUER.replace("EXAMPLED", f"{number:02}")) for number in range(count)]


def test_irsa_roles_by_key_trust_the_clusters_of_their_key():
    """Each key has a role with the key in its name, and the outputs have the role of each cluster."""

    def program():
        by_role = {"eu": providers(5)[:2], "us": providers(5)[2:4], "jp": providers(5)[4:]}
        role = irsa(oidc_provider_arns=None, oidc_provider_arns_by_role=by_role, role_name="shared")()
        return {"arns": role.arns, "last": role.arn_for(providers(5)[4])}

    deployment = deploy(program)
    outputs = deployment.value
    roles = {role.inputs["name"]: role for role in deployment.of(ROLE)}
    assert sorted(roles) == ["shared-eu", "shared-jp", "shared-us"]
    assert list(outputs["arns"]) == providers(5)
    assert outputs["last"].endswith(":role/shared-jp")
    shares = {name: json.loads(role.inputs["assumeRolePolicy"])["Statement"] for name, role in roles.items()}
    assert {name: len(share) for name, share in shares.items()} == {"shared-eu": 2, "shared-us": 2, "shared-jp": 1}


def test_arn_for_rejects_a_provider_that_the_role_does_not_trust():
    """The fix names the trusted providers, and works when followed."""

    def program(index):
        role = irsa(oidc_provider_arns=providers(1))()
        return role.arn_for(providers(2)[index])

    with pytest.raises(InvalidInputError, match=f"fix:  pass one of {providers(1)[0]}"):
        deploy(lambda: program(1))
    assert f":{ACCOUNT}:role/r" in deploy(lambda: program(0)).value


def test_irsa_role_of_one_key_keeps_its_trust_when_another_key_changes():
    """A removed cluster changes the role that trusted it, and no other one."""
    before = {"eu": providers(4)[:2], "us": providers(4)[2:]}
    after = {"eu": providers(4)[1:2], "us": providers(4)[2:]}

    def trust(by_role):
        roles = deploy(irsa(oidc_provider_arns=None, oidc_provider_arns_by_role=by_role)).of(ROLE)
        return {role.name: role.inputs["assumeRolePolicy"] for role in roles}

    old, new = trust(before), trust(after)
    assert old.keys() == new.keys()
    assert [name for name in old if old[name] != new[name]] == [next(name for name in old if name.endswith("-eu"))]


def by_role(arns, size):
    return {f"r{start}": arns[start : start + size] for start in range(0, len(arns), size)}


def test_irsa_role_with_too_many_clusters_reports_the_number_that_fits():
    """The fix works when followed."""
    with pytest.raises(InvalidInputError) as error:
        deploy(irsa(oidc_provider_arns=providers(8)), preview=True)
    (problem,) = error.value.problems
    fitting = int(problem.fix.partition("in place of oidc_provider_arns, with at most ")[2].partition(" ")[0])
    split = by_role(providers(8), fitting)
    deploy(irsa(oidc_provider_arns=None, oidc_provider_arns_by_role=split), preview=True)
    split = by_role(providers(8), fitting + 1)
    with pytest.raises(InvalidInputError, match="2048"):
        deploy(irsa(oidc_provider_arns=None, oidc_provider_arns_by_role=split), preview=True)


INVALID_IRSA_ARGS = {
    "twice in different roles": (
        {"oidc_provider_arns": None, "oidc_provider_arns_by_role": {"a": providers(2), "b": providers(1)}},
        "must be listed once",
        "oidc_provider_arns_by_role.b[0]",
    ),
    "two accounts": (
        {"oidc_provider_arns": [providers(1)[0], providers(2)[1].replace(ACCOUNT, "444455556666")]},
        "must be a provider of the role's own account",
        "oidc_provider_arns[1]",
    ),
    "no room for the key": (
        {"oidc_provider_arns": None, "oidc_provider_arns_by_role": {"a": providers(1)}, "role_name": "x" * 63},
        "at most 64 characters",
        "role_name",
    ),
    "a role without clusters": (
        {"oidc_provider_arns": None, "oidc_provider_arns_by_role": {"a": providers(1), "b": []}},
        "must have at least one ARN",
        "oidc_provider_arns_by_role.b",
    ),
    "a key that is no name": (
        {"oidc_provider_arns": None, "oidc_provider_arns_by_role": {"a b": providers(1)}},
        "letters, digits and _+=,.@- (IAM)",
        "the name 'a b' in oidc_provider_arns_by_role",
    ),
    "both forms": (
        {"oidc_provider_arns": providers(1), "oidc_provider_arns_by_role": {"a": providers(1)}},
        "one of the two",
        "oidc_provider_arns",
    ),
    "neither form": ({"oidc_provider_arns": None}, "one of the two", "oidc_provider_arns"),
}


@pytest.mark.parametrize(("wrong", "rule", "place"), INVALID_IRSA_ARGS.values(), ids=list(INVALID_IRSA_ARGS))
def test_irsa_role_rejects_invalid_oidc_providers(wrong, rule, place):
    """Repeated providers and other accounts are rejected across all roles."""
    with pytest.raises(InvalidInputError) as error:
        deploy(irsa(**wrong), preview=True)
    (problem,) = error.value.problems
    assert rule in problem.rule
    assert problem.input == place


def test_irsa_role_in_another_account_is_rejected_at_preview():
    """IAM accepts a trust policy with a provider of another account, and then no pod can assume the role."""
    other_account = Cloud(getCallerIdentity={"accountId": "444455556666"})
    with pytest.raises(InvalidInputError, match=f"pass an aws provider of account {ACCOUNT}"):
        deploy(irsa(), preview=True, cloud=other_account)
    deploy(irsa(), preview=True, cloud=Cloud(getCallerIdentity={"accountId": ACCOUNT}))


def test_irsa_role_with_wildcards_warns_with_the_clusters(monkeypatch):
    """The warning names the pattern and every cluster."""
    warnings = []
    monkeypatch.setattr(pulumi.log, "warn", lambda message, *_: warnings.append(message))
    deploy(irsa(subjects=[{"namespace": "a", "name": "b-*"}, {"namespace": "a", "name": "c"}], allow_wildcards=True))
    (warning,) = warnings
    assert "matches a/b-* in every one of these clusters" in warning
    assert ISSUER.removeprefix("https://") in warning


def test_pod_identity_role_is_for_any_association_by_default():
    """Limits compare namespace and name together: a name in another namespace does not match."""
    (plain,) = trust_of(deploy(pod_identity()))
    assert plain == {"Effect": "Allow", "Principal": {"Service": "pods.eks.amazonaws.com"}, "Action": TO_ASSUME}
    subjects = [{"namespace": "a", "name": "x"}, {"namespace": "b", "name": "y"}, {"namespace": "c", "name": "x"}]
    limited = trust_of(deploy(pod_identity(cluster_arns=[CLUSTER], subjects=subjects)))
    tags = "aws:RequestTag/kubernetes-"
    assert [each["Condition"]["StringEquals"] for each in limited] == [
        {"aws:RequestTag/eks-cluster-arn": CLUSTER, f"{tags}namespace": ["a", "c"], f"{tags}service-account": "x"},
        {"aws:RequestTag/eks-cluster-arn": CLUSTER, f"{tags}namespace": "b", f"{tags}service-account": "y"},
    ]


def test_chained_role_trusts_only_the_named_roles():
    """The trust policy compares `external_id`, or the external ids that EKS sends for associations."""
    (plain,) = trust_of(deploy(chained()))
    assert plain == {"Effect": "Allow", "Principal": {"AWS": OTHER}, "Action": TO_ASSUME}
    (agreed,) = trust_of(deploy(chained(external_id="shop-1")))
    assert agreed["Condition"] == {"StringEquals": {"sts:ExternalId": "shop-1"}}
    (target,) = trust_of(deploy(chained(cluster_arns=[CLUSTER], subjects=[{"namespace": "a", "name": "b"}])))
    assert target["Condition"] == {"StringEquals": {"sts:ExternalId": f"{REGION}/{ACCOUNT}/eks-clu/a/b"}}


INVALID_CHAINED_ARGS = {
    "no role": ({"trusted_role_arns": []}, "trusted_role_arns"),
    "a user": ({"trusted_role_arns": [f"arn:aws:iam::{ACCOUNT}:user/x"]}, "trusted_role_arns[0]"),
    "twice": ({"trusted_role_arns": [OTHER, OTHER]}, "trusted_role_arns[1]"),
    "external id": ({"external_id": "a b"}, "external_id"),
    "two external ids": (
        {"external_id": "abc", "cluster_arns": [CLUSTER], "subjects": [{"namespace": "a", "name": "b"}]},
        "external_id",
    ),
    "no cluster": ({"subjects": [{"namespace": "a", "name": "b"}]}, "cluster_arns"),
    "no cluster's ARN": ({"cluster_arns": [OTHER], "subjects": [{"namespace": "a", "name": "b"}]}, "cluster_arns[0]"),
}


@pytest.mark.parametrize(("wrong", "field"), INVALID_CHAINED_ARGS.values(), ids=list(INVALID_CHAINED_ARGS))
def test_chained_role_rejects_invalid_inputs(wrong, field):
    """Each error names the input."""
    with pytest.raises(InvalidInputError) as error:
        deploy(chained(**wrong), preview=True)
    assert [problem.input for problem in error.value.problems] == [field]


def test_roles_accept_unknown_inputs():
    """In a first preview no resource of another stack is resolved."""

    def program():
        later = pulumi.Output.from_input(pulumi.output.UNKNOWN)
        subjects = [{"namespace": later, "name": later}]
        settings = {"statements": [statement(resources=[later])], "assume_role_arns": [later], "role_name": later}
        eks.PodIdentityRole("p", {"cluster_arns": [later], "subjects": subjects, **settings})
        eks.ChainedRole("c", {"trusted_role_arns": [later], "external_id": later, **settings})
        eks.IrsaRole(
            "i", {"oidc_provider_arns_by_role": {"a": [later], "b": [later]}, "subjects": subjects, **settings}
        )

    assert len(deploy(program, preview=True).of(ROLE)) == 4


def test_pipeline_role_trusts_the_jobs_of_resolved_inputs():
    """Outputs for provider and repository give the same trust policy as plain values, and attached policies."""

    def program():
        github = eks.OidcProvider("github", {"issuer": "https://token.actions.githubusercontent.com"})
        repository = pulumi.Output.from_input("octo-org/clusters")
        jobs = [{"repository": repository, "environment": "prod"}, {"repository": repository, "pull_requests": True}]
        args = {"oidc_provider_arn": github.arn, "github_jobs": jobs, "policies": ["ReadOnlyAccess"]}
        eks.PipelineRole("deploy", args)

    deployment = deploy(program)
    (trusted,) = trust_of(deployment)
    assert trusted["Condition"]["StringEquals"] == {
        "token.actions.githubusercontent.com:aud": "sts.amazonaws.com",
        "token.actions.githubusercontent.com:sub": [
            "repo:octo-org/clusters:environment:prod",
            "repo:octo-org/clusters:pull_request",
        ],
    }
    assert deployment.one(ATTACHMENT).inputs["policyArn"] == "arn:aws:iam::aws:policy/ReadOnlyAccess"


def test_pipeline_role_rejects_all_mistakes_of_its_jobs_at_once():
    jobs = [{"repository": "octo-org/*", "branch": "main"}, {"repository": "a/b"}, {"repository": "a/b", "branch": "*"}]
    with pytest.raises(InvalidInputError) as rejected:
        deploy(pipeline(github_jobs=jobs))
    inputs = [problem.input for problem in rejected.value.problems]
    assert inputs == ["github_jobs[0].repository", "github_jobs[1]", "github_jobs[2].branch"]


@pytest.mark.parametrize("key", ["token.actions.githubusercontent.com:actor", "aws:PrincipalTag/team"])
def test_pipeline_role_rejects_conditions_that_cannot_hold(key):
    condition = {"test": "StringEquals", "variable": key, "values": ["a"]}
    with pytest.raises(InvalidInputError, match="variable"):
        deploy(pipeline(trust_conditions=[condition]))
