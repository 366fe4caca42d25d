"""Common mistakes in Pulumi programs: each has its own rule, shows the complete value, and has a fix that works."""

import json
import pathlib

import pulumi
import pulumi_aws as aws
import pulumi_kubernetes as k8s
import pytest

import eks_identity as eks
from eks_identity.runtime.inputs import InvalidInputError
from support.component_contract import declare, sample
from support.component_program import ACCOUNT, ISSUER, deploy, kubeconfig, provider_arn
from support.sample_args import COMPONENTS, SAMPLES, changed, keys, places, shape_of, written

ROLE = f"arn:aws:iam::{ACCOUNT}:role/cart"
USER = f"arn:aws:iam::{ACCOUNT}:user/ope"
DOCUMENT = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*"}]}


def error(name, **other):
    """Return the only problem of a component whose first sample has these arguments. Functions create the values."""

    def args():
        return {**sample(name, 0), **{key: value() if callable(value) else value for key, value in other.items()}}

    with pytest.raises(InvalidInputError) as raised:
        declare(name, args, preview=True)
    (problem,) = raised.value.problems
    return problem


def accepted(name, **other):
    declare(name, lambda: {**sample(name, 0), **other}, preview=True)


def role():
    return aws.iam.Role("dev", assume_role_policy="{}")


def principal(arn):
    return lambda: [{"arn": arn() if callable(arn) else arn}]


TEXTS = [
    (name, path)
    for name in COMPONENTS
    for path, annotation in keys(shape_of(COMPONENTS[name]))
    if annotation in {str, pulumi.Input[str]}
]


@pytest.mark.parametrize(("name", "path"), TEXTS, ids=lambda value: str(value)[:60])
def test_output_in_an_f_string_is_explained_for_every_text_input(name, path):
    """The rule names the f-string, and the value shows the position of the Output, for each text input."""
    place, args = next((place, args) for args in SAMPLES[name] for place in places(args, path))

    def wrong():
        return changed(args, place, f"before-{pulumi.Output.from_input('x')}-after")

    with pytest.raises(InvalidInputError) as raised:
        declare(name, wrong, preview=True)
    (problem,) = raised.value.problems
    assert problem.input == written(place)
    assert problem.value == "before-{an Output}-after"
    assert "f-string" in problem.rule
    assert "pulumi.Output." in problem.fix


@pytest.mark.parametrize(("name", "path"), TEXTS, ids=lambda value: str(value)[:60])
def test_resource_in_place_of_text_is_explained(name, path):
    """The resource is shown by its name, and the fix passes one of its outputs, for each text input."""
    place, args = next((place, args) for args in SAMPLES[name] for place in places(args, path))
    with pytest.raises(InvalidInputError) as raised:
        declare(name, lambda: changed(args, place, role()), preview=True)
    concerned = [problem for problem in raised.value.problems if problem.input == written(place)]
    assert [repr(problem.value) for problem in concerned] == ['the resource Role "dev"']
    assert concerned[0].fix.startswith("pass ")


WHOLE = {
    "number": (f"arn:aws:iam::{52812345678}:role/x", "write arn:aws:iam::052812345678:role/x"),
    "dashes": ("arn:aws:iam::1111-2222-3333:role/x", "write arn:aws:iam::111122223333:role/x"),
    "cloudformation": (
        "arn:${AWS::Partition}:iam::${AWS::AccountId}:role/x",
        "write f'arn:{aws.get_partition().partition}:iam::{aws.get_caller_identity().account_id}:role/x'",
    ),
    "terraform": ("arn:aws:iam::${var.account}:role/x", "write f'arn:aws:iam::{account}:role/x'"),
    "forgotten f": ("arn:aws:iam::{account}:role/x", "write f'arn:aws:iam::{account}:role/x'"),
    "wildcard": (
        f"arn:aws:iam::{ACCOUNT}:role/aws-reserved/sso.amazonaws.com/*/AWSReservedSSO_Dev_*",
        'write "permission_set": "Dev"',
    ),
    "spaces": (f" {ROLE}\n", f"write '{ROLE}'"),
    "quotes": (f'"{ROLE}"', f"write '{ROLE}'"),
    "partition": (f"arn:amazon:iam::{ACCOUNT}:role/x", "write aws, or aws-cn in China"),
    "path": (f"arn:aws:iam::{ACCOUNT}:role/{'a' * 600}/x", "write /team/"),
    "name": (f"arn:aws:iam::{ACCOUNT}:role/{'x' * 300}", "shorten it"),
}


@pytest.mark.parametrize(("arn", "fix"), WHOLE.values(), ids=list(WHOLE))
@pytest.mark.parametrize("late", [False, True])
def test_invalid_arn_is_shown_completely(arn, fix, late):
    """A plain ARN or an Output of one is shown completely; the fix is about the wrong part."""
    principals = principal((lambda: pulumi.Output.from_input(arn)) if late else arn)
    problem = error("ClusterAccess", principals=principals)
    assert problem.input == "principals[0].arn"
    assert problem.value == arn
    assert repr(arn) in str(problem)
    assert problem.fix.startswith(fix)


@pytest.mark.parametrize(
    ("name", "field", "value", "place"),
    [
        ("IrsaRole", "oidc_provider_arns", [f"arn:aws:iam::1234:oidc-provider/{ISSUER[8:]}"], "[0]"),
        ("IrsaRole", "oidc_provider_arns", [f"arn:aws:iam::{ACCOUNT}:oidc-provider/a b"], "[0]"),
        ("PodIdentityRole", "cluster_arns", [f"arn:aws:eks:nowhere:{ACCOUNT}:cluster/x"], "[0]"),
        ("PodIdentityRole", "cluster_arns", [f"arn:aws:eks:eu-west-1:{ACCOUNT}:cluster/x y"], "[0]"),
        ("IrsaRole", "permissions_boundary", "arn:aws:iam::1234:policy/x", ""),
        ("ChainedRole", "trusted_role_arns", ["arn:aws:iam::1234:role/x"], "[0]"),
        ("ServiceAccount", "role_arn", "arn:aws:iam::1234:role/x", ""),
    ],
)
def test_arns_of_every_kind_are_shown_completely(name, field, value, place):
    """ARNs of providers, clusters, policies and roles are shown completely."""
    problem = error(name, **{field: value})
    assert problem.input == f"{field}{place}"
    assert problem.value == (value[0] if place else value)


def test_long_values_are_not_truncated():
    """A document is not truncated."""
    document = json.dumps({**DOCUMENT, "Version": "x" * 2000})
    problem = error("IrsaRole", inline_policies={"own": document[:-1]})
    assert repr(document[:-1]) in str(problem)


RESOURCES = {
    "principal": ("ClusterAccess", "principals", principal(role), "pass role.arn"),
    "boundary": ("IrsaRole", "permissions_boundary", role, "pass role.arn"),
    "policies": ("IrsaRole", "policies", lambda: [role()], "pass role.arn"),
    "one policy": ("IrsaRole", "policies", role, "pass [role.arn]"),
    "provider": (
        "WorkloadIdentity",
        "oidc_provider_arn",
        lambda: eks.OidcProvider("own", {"issuer": ISSUER}),
        "pass oidc_provider.arn",
    ),
    "namespace": (
        "WorkloadIdentity",
        "namespace",
        lambda: k8s.core.v1.Namespace("shop"),
        "pass namespace.metadata.name",
    ),
    "aws cluster": (
        "WorkloadIdentity",
        "cluster",
        lambda: aws.eks.Cluster("c", role_arn=ROLE, vpc_config={"subnet_ids": ["subnet-1"]}),
        'pass eks_identity.Cluster("…", {"name": cluster.name}).connection',
    ),
    "in a late value": (
        "ClusterAccess",
        "principals",
        principal(lambda: pulumi.Output.from_input("x").apply(lambda _: f"{role()}")),
        "use pulumi.Output.format with an output of it, such as role.arn",
    ),
}


@pytest.mark.parametrize(("name", "field", "value", "fix"), RESOURCES.values(), ids=list(RESOURCES))
def test_fix_names_the_output_of_a_resource(name, field, value, fix):
    """A resource in place of its ARN, name or connection: the fix is the expression to write."""
    problem = error(name, **{field: value})
    assert "object at 0x" not in str(problem)
    assert problem.fix.startswith(fix)


OTHERS = {
    "dict for a document": ("IrsaRole", "inline_policies", {"own": DOCUMENT}, "use json.dumps"),
    "dict for a session policy": ("WorkloadIdentity", "session_policy", DOCUMENT, "use json.dumps"),
    "dict for a configuration": ("Addon", "configuration_values", {"replicas": 1}, "use json.dumps"),
    "dict for a kubeconfig": ("AwsAuthMapping", "kubeconfig", {"clusters": []}, "use json.dumps"),
    "path of a kubeconfig": ("AwsAuthMapping", "kubeconfig", "~/.kube/config", "pass pathlib.Path(path)"),
    "file of a kubeconfig": ("AwsAuthMapping", "kubeconfig", "kubeconfig.yaml", "pass pathlib.Path(path)"),
    "pathlib": ("AwsAuthMapping", "kubeconfig", pathlib.Path("config"), "pass the file's text: path.read_text()"),
    "asset": ("IrsaRole", "inline_policies", lambda: {"own": pulumi.FileAsset("p.json")}, "pass the file's text"),
    "path of a document": ("IrsaRole", "inline_policies", {"own": "./policy.json"}, "pass pathlib.Path(path)"),
    "bytes": ("IrsaRole", "description", b"x", "pass value.decode()"),
    "account as a number": (
        "ClusterAccess",
        "principals",
        [{"permission_set": "Dev", "account_id": 52812345678}],
        'write "052812345678", in quotes',
    ),
    "issuer for a provider": ("IrsaRole", "oidc_provider_arns", [ISSUER], "pass OidcProvider.arn"),
    "provider for an issuer": ("OidcProvider", "issuer", provider_arn(), f"write {ISSUER}"),
    "role's name": (
        "ServiceAccount",
        "role_arn",
        "cart",
        "pass role.arn, or the ARN that `aws iam get-role --role-name cart",
    ),
    "role's ARN for a name": ("IrsaRole", "role_name", ROLE, "write cart"),
    "one string": ("OidcProvider", "audiences", "sts.amazonaws.com", "write ['sts.amazonaws.com']"),
    "one mapping": ("ClusterAccess", "principals", {"arn": USER}, "put brackets around the mapping"),
    "a set": ("ClusterAccess", "allow_lockout_of", {USER}, "write list(…)"),
    "boolean of a config": ("IrsaRole", "raised_quotas", "true", "write True, or use get_bool"),
    "number of a config": ("IrsaRole", "max_session_duration", "3600", "write 3600, or use get_int"),
    "interpolation in a path": ("IrsaRole", "path", "/${AWS::StackName}/", "write f'/{pulumi.get_stack()}/'"),
    "late connection": (
        "WorkloadIdentity",
        "cluster",
        lambda: pulumi.Output.from_input({"name": "x"}),
        'write {key: cluster[key] for key in ("name", "arn", "endpoint",',
    ),
    "late list": ("IrsaRole", "subjects", lambda: pulumi.Output.from_input([]), "write the items one by one"),
    "late mapping": ("IrsaRole", "tags", lambda: pulumi.Output.from_input({}), 'write the keys yourself: {"KEY": '),
    "late mode": ("WorkloadIdentity", "mode", lambda: pulumi.Output.from_input("irsa"), "write the value itself"),
}


@pytest.mark.parametrize(("name", "field", "value", "fix"), OTHERS.values(), ids=list(OTHERS))
def test_value_of_another_type_is_explained(name, field, value, fix):
    """A dict in place of JSON, a path in place of text, a number for an account id, an Output of a whole list."""
    assert error(name, **{field: value}).fix.startswith(fix)


def test_expressions_of_the_fixes_are_accepted():
    """The expressions of the fixes pass validation."""
    accepted("IrsaRole", inline_policies={"own": json.dumps(DOCUMENT)})
    accepted("OidcProvider", audiences=["sts.amazonaws.com"])
    accepted("AwsAuthMapping", kubeconfig=json.dumps(json.loads(kubeconfig())))
    accepted("IrsaRole", path="/dev/")
    accepted("ServiceAccount", role_arn=ROLE)

    def program():
        made = role()
        cluster = eks.Cluster("c", {"name": "eks-clu"})
        late = pulumi.Output.from_input(cluster.connection)
        options = pulumi.ResourceOptions(providers=[cluster.provider])
        eks.ClusterAccess(
            "people",
            {
                "cluster": {key: late[key] for key in cluster.connection},
                "group": "people",
                "rbac_roles": [{"name": "view"}],
                "principals": [
                    {"arn": pulumi.Output.format("arn:aws:iam::111122223333:role/{0}", made.name)},
                    {"arn": pulumi.Output.concat("arn:aws:iam::111122223333:user/", made.name)},
                ],
            },
            options,
        )
        document = pulumi.Output.json_dumps(
            {**DOCUMENT, "Statement": [{**DOCUMENT["Statement"][0], "Resource": made.arn}]}
        )
        args = {"oidc_provider_arns": [provider_arn()], "subjects": [{"namespace": "a", "name": "b"}]}
        eks.IrsaRole(
            "role",
            {
                **args,
                "inline_policies": {"own": document},
                "permissions_boundary": None or USER.replace("user/", "policy/"),
            },
        )

    deploy(program)
    deploy(program, preview=True)


def test_policy_variables_and_free_text_are_accepted():
    """IAM's policy variables in resources, and interpolations in annotations and descriptions, are accepted."""
    accepted(
        "IrsaRole",
        statements=[
            {"effect": "Allow", "actions": ["s3:GetObject"], "resources": ["arn:aws:s3:::b/${aws:userid}/*"]},
        ],
        description="for ${var.team}",
    )
    accepted("ServiceAccount", annotations={"owner": "${var.team}"})


def test_mistake_in_a_secret_shows_no_value():
    """A secret with a mistake is shown as a secret."""
    problem = error("ClusterAccess", principals=principal(lambda: pulumi.Output.secret("arn:aws:iam::{hush}:role/x")))
    assert "hush" not in str(problem)
    mapping = error("AwsAuthMapping", kubeconfig={"users": [{"user": {"token": "hush"}}]})
    assert "hush" not in str(mapping)
