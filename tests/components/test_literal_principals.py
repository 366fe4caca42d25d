"""Access entries of a literal ARN whose role or user the same program creates or replaces: rejected at preview."""

import json

import pulumi
import pulumi_aws as aws
import pytest
from pulumi.resource import DependencyResource

import eks_identity as eks
from eks_identity.runtime.inputs import InvalidInputError
from support.component_program import ACCOUNT, REGION, Cloud, deploy

ROLE = f"arn:aws:iam::{ACCOUNT}:role/ops"
USER = f"arn:aws:iam::{ACCOUNT}:user/ops"
TRUST = json.dumps({"Version": "2012-10-17", "Statement": []})
POLICIES = {"access_policies": [{"policy": "AmazonEKSViewPolicy"}]}


class Existing(Cloud):
    """An account whose roles and users this update keeps: a preview knows their unique ids."""

    def new_resource(self, args):
        id_, state = super().new_resource(args)
        return id_, {**state, "uniqueId": "AROAEXAMPLE"} if args.typ.startswith("aws:iam/") else state


def role(name="ops", **args):
    return aws.iam.Role("operators", name=name, assume_role_policy=TRUST, **args)


def access(arn=ROLE, **args):
    cluster = eks.Cluster("own", {"name": "eks-clu"})
    args = {"cluster": cluster.connection, "principals": [{"arn": arn}], **args}
    return eks.ClusterAccess("team", args if "access_method" in args else {**args, **POLICIES})


def entry(arn=ROLE):
    return eks.AccessEntry("team", cluster_name="eks-clu", region=REGION, principal_arn=arn, groups=["ops"])


def created_entry(arn=ROLE):
    return eks.Cluster(
        "new", {"create": {"skip_default_node_group": True, "access_entries": {"ops": {"principal_arn": arn}}}}
    )


def declare(*declarations):
    for each in declarations:
        each()


def preview(*declarations, cloud=None):
    deploy(lambda: declare(*declarations), preview=True, cloud=cloud)


def rejected(*declarations):
    with pytest.raises(InvalidInputError) as raised:
        preview(*declarations)
    (problem,) = raised.value.problems
    return raised.value.subject, problem


@pytest.mark.parametrize("order", [1, -1], ids=["role first", "entry first"])
@pytest.mark.parametrize(
    ("entries", "subject", "input_", "fix"),
    [
        (access, 'ClusterAccess "team"', "principals[0].arn", "pass the arn output of aws.iam.Role"),
        (
            lambda: access(adopt=True),
            'ClusterAccess "team"',
            "principals[0].arn",
            "pass the arn output of aws.iam.Role",
        ),
        (entry, 'AccessEntry "team"', "principal_arn", "pass the arn output of aws.iam.Role"),
        (
            created_entry,
            'Cluster "new"',
            "create.access_entries.ops.principal_arn",
            "remove create.access_entries.ops, and declare a ClusterAccess with the arn output of aws.iam.Role",
        ),
    ],
    ids=["ClusterAccess", "adopt", "AccessEntry", "create.access_entries"],
)
def test_literal_arn_of_a_new_role_is_rejected(entries, subject, input_, fix, order):
    """In whichever order the two are declared, one error has the input, the ARN and the role that is its fix."""
    found, problem = rejected(*[role, entries][::order])
    assert (found, problem.input, problem.value) == (subject, input_, ROLE)
    assert 'must be an output of aws.iam.Role "operators", which this update creates or replaces' in problem.rule
    assert problem.fix == f'{fix} "operators"'


@pytest.mark.parametrize(
    "named",
    [
        lambda: role("OPS"),
        lambda: role(path="/team/"),
        lambda: role(pulumi.Output.from_input("ops")),
        lambda: aws.iam.Role("early", name="early", assume_role_policy=TRUST).name.apply(lambda _: role()),
    ],
    ids=["another case", "another path", "name is an Output", "declared in an apply"],
)
def test_role_is_found_by_its_name(named):
    """IAM has one role of a name in an account, whatever case and path; the name may be resolved late."""
    _, problem = rejected(named, access)
    assert problem.value == ROLE


def test_literal_arn_in_an_output_is_rejected():
    """The ARN may be made of Outputs, such as the account, that come from no role."""
    _, problem = rejected(role, lambda: access(pulumi.Output.concat("arn:aws:iam::", ACCOUNT, ":role/ops")))
    assert problem.value == ROLE


@pytest.mark.parametrize("declare", [access, entry])
def test_output_of_a_role_in_another_process_is_accepted(declare):
    """A role that a component of another language declares has a URN and no type here; the engine has its state."""

    def elsewhere():
        value = pulumi.Output.from_input(ROLE)
        role().urn.apply(lambda urn: declare(as_output_of(urn, value)))

    preview(elsewhere)


def as_output_of(urn, value):
    """Return the value as an output of a resource of which this process knows only the URN."""
    return pulumi.Output({DependencyResource(urn)}, value.future(), value.is_known(), value.is_secret())


def test_secret_arn_is_not_shown():
    """The error of a secret ARN does not contain it."""
    _, problem = rejected(role, lambda: entry(pulumi.Output.secret(ROLE)))
    assert problem.value == "[secret]"
    assert ACCOUNT not in str(problem)


def test_literal_arn_of_a_new_user_is_rejected():
    """Users have unique ids, too; a role of the same name is another principal."""
    _, problem = rejected(lambda: aws.iam.User("operators", name="ops"), lambda: access(USER))
    assert 'aws.iam.User "operators"' in problem.fix
    preview(role, lambda: access(USER))


def test_fix_names_the_component_of_a_role():
    """A role that a component declares is named with its component."""
    _, problem = rejected(lambda: eks.PodIdentityRole("pods", partition="aws", role_name="ops"), access)
    assert problem.fix.endswith(' of PodIdentityRole "pods"')


def test_error_follows_its_fix():
    """With the role's output there is no error, whether the ARN or a value made of it."""
    preview(lambda: access(role().arn))
    preview(lambda: access(role().arn.apply(lambda arn: arn)))
    preview(lambda: entry(role().arn))


def test_role_that_the_update_keeps_is_accepted():
    """A literal ARN of a role that stays is right: its access entry stays with it."""
    preview(role, access, cloud=Existing())
    preview(lambda: aws.iam.Role.get("operators", "ops"), access)


def test_role_of_another_account_is_accepted():
    """A role of the same name that another provider creates in another account is another principal."""
    other = ACCOUNT[::-1]
    caller = {"accountId": other, "arn": f"arn:aws:iam::{other}:root", "id": other}
    preview(role, entry, cloud=Cloud(getCallerIdentity=caller))


def test_mapping_of_a_literal_arn_is_accepted():
    """aws-auth has no unique ids: the mapping is of the ARN, and of the new role as soon as that exists."""
    preview(role, lambda: access(access_method="aws-auth", group="ops"))


def test_role_that_depends_on_the_access_causes_no_deadlock():
    """A role declared after the access exists, and from an output of it, is compared too."""
    with pytest.raises(InvalidInputError):
        preview(lambda: role(opts=pulumi.ResourceOptions(depends_on=[access()])))
    with pytest.raises(InvalidInputError):
        preview(lambda: role(description=access().group.apply(str)))


def test_update_is_not_rejected():
    """An update knows the unique ids of all roles, so the preview before it decides."""
    deploy(lambda: declare(role, access))
