"""iam:PassRole is required by every operation that gives a role to a service."""

import pytest
from test_cross_account import create_function

from support.cloud_helpers import allow, client, expect_error, new_role, new_user, trust_policy, unique_name


@pytest.fixture
def profile(cloud):
    """An instance profile with a role. Return its name and the role's ARN."""
    iam, name = client(cloud, "iam"), unique_name("profile")
    role = new_role(cloud, trust_policy({"Service": "ec2.amazonaws.com"}))
    iam.create_instance_profile(InstanceProfileName=name)
    iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=role.rpartition("/")[2])
    return name, role


def image(cloud):
    return client(cloud, "ec2").describe_images(Owners=["amazon"])["Images"][0]["ImageId"]


def assert_passes(cloud, service, role, actions, call, receiver):
    """Assert that `call` requires iam:PassRole on `role`, for the service that receives it."""
    _, without = new_user(cloud, *actions)
    code, message = expect_error(lambda: call(client(cloud, service, without)))
    assert code in {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"}
    assert f"iam:PassRole on resource: {role} because" in message
    condition = {"StringEquals": {"iam:PassedToService": receiver}}
    _, allowed = new_user(cloud, *actions, allow("iam:PassRole", on=role, Condition=condition))
    assert call(client(cloud, service, allowed))
    _, other = new_user(
        cloud,
        *actions,
        allow("iam:PassRole", on=role, Condition={"StringEquals": {"iam:PassedToService": "other.amazonaws.com"}}),
    )
    assert "iam:PassRole" in expect_error(lambda: call(client(cloud, service, other)))[1]


def test_add_role_to_instance_profile_passes_the_role(cloud):
    """AddRoleToInstanceProfile passes the role to EC2."""
    role = new_role(cloud, trust_policy({"Service": "ec2.amazonaws.com"}))

    def call(iam):
        name = unique_name("profile")
        client(cloud, "iam").create_instance_profile(InstanceProfileName=name)
        return iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=role.rpartition("/")[2])

    assert_passes(cloud, "iam", role, [allow("iam:AddRoleToInstanceProfile")], call, "ec2.amazonaws.com")


def test_run_instances_passes_the_role_of_the_profile(cloud, profile):
    """RunInstances passes the role of the instance profile, named by its name or its ARN."""
    name, role = profile
    arn = client(cloud, "iam").get_instance_profile(InstanceProfileName=name)["InstanceProfile"]["Arn"]
    for reference in ({"Name": name}, {"Arn": arn}):
        assert_passes(
            cloud,
            "ec2",
            role,
            [allow("ec2:RunInstances")],
            lambda ec2, reference=reference: ec2.run_instances(
                ImageId=image(cloud), MinCount=1, MaxCount=1, IamInstanceProfile=reference
            ),
            "ec2.amazonaws.com",
        )


def test_run_instances_passes_the_role_in_the_launch_template(cloud, profile):
    """RunInstances passes the role of the instance profile in its launch template."""
    name, role = profile
    template = unique_name("template")
    client(cloud, "ec2").create_launch_template(
        LaunchTemplateName=template,
        LaunchTemplateData={"ImageId": image(cloud), "IamInstanceProfile": {"Name": name}},
    )
    _, key = new_user(cloud, allow("ec2:RunInstances"))
    ec2 = client(cloud, "ec2", key)
    _, message = expect_error(
        lambda: ec2.run_instances(MinCount=1, MaxCount=1, LaunchTemplate={"LaunchTemplateName": template})
    )
    assert f"iam:PassRole on resource: {role} because" in message


def test_associate_instance_profile_passes_the_role(cloud, profile):
    """AssociateIamInstanceProfile passes the role of the instance profile."""
    name, role = profile

    def call(ec2):
        instance = client(cloud, "ec2").run_instances(ImageId=image(cloud), MinCount=1, MaxCount=1)["Instances"][0]
        return ec2.associate_iam_instance_profile(InstanceId=instance["InstanceId"], IamInstanceProfile={"Name": name})

    assert_passes(cloud, "ec2", role, [allow("ec2:AssociateIamInstanceProfile")], call, "ec2.amazonaws.com")


def test_create_function_passes_the_role(cloud):
    """CreateFunction passes the function's role to Lambda."""
    role = new_role(cloud, trust_policy({"Service": "lambda.amazonaws.com"}))
    _, without = new_user(cloud, allow("lambda:*"))
    _, message = expect_error(lambda: create_function(cloud, unique_name("f"), without, role))
    assert f"iam:PassRole on resource: {role} because" in message
    _, allowed = new_user(cloud, allow("lambda:*"), allow("iam:PassRole", on=role))
    assert create_function(cloud, unique_name("f"), allowed, role)


def test_role_of_another_account_cannot_be_passed(cloud):
    """A role of another account cannot be passed, whatever the policies say."""
    role = new_role(cloud, trust_policy({"Service": "lambda.amazonaws.com"}), caller=cloud.add_account("410987654321"))
    code, message = expect_error(lambda: create_function(cloud, unique_name("f"), None, role))
    assert (code, message) == ("AccessDeniedException", "Cross-account pass role is not allowed.")
