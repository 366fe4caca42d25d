"""Authorization of every service by action, resource and condition, and AWS's access-denied messages."""

import pytest

from support.cloud_helpers import (
    allow,
    assume,
    client,
    deny,
    expect_error,
    expect_error_code,
    new_role,
    new_user,
    policy_document,
    run_aws_cli,
    trust_policy,
    unique_name,
)

SERVICES = {
    "autoscaling": lambda api: api.describe_auto_scaling_groups(),
    "cloudwatch": lambda api: api.list_metrics(),
    "dynamodb": lambda api: api.list_tables(),
    "ec2": lambda api: api.describe_vpcs(),
    "ecr": lambda api: api.describe_repositories(),
    "eks": lambda api: api.list_clusters(),
    "elbv2": lambda api: api.describe_load_balancers(),
    "iam": lambda api: api.list_roles(),
    "kms": lambda api: api.list_keys(),
    "lambda": lambda api: api.list_functions(),
    "logs": lambda api: api.describe_log_groups(),
    "route53": lambda api: api.list_hosted_zones(),
    "s3": lambda api: api.list_buckets(),
    "secretsmanager": lambda api: api.list_secrets(),
    "sns": lambda api: api.list_topics(),
    "sqs": lambda api: api.list_queues(),
    "ssm": lambda api: api.describe_parameters(),
    "sts": lambda api: api.get_access_key_info(AccessKeyId="AKIAAAAAAAAAAAAAAAAA"),
}
ACTIONS = {
    "autoscaling": "autoscaling:DescribeAutoScalingGroups",
    "cloudwatch": "cloudwatch:ListMetrics",
    "elbv2": "elasticloadbalancing:DescribeLoadBalancers",
    "s3": "s3:ListAllMyBuckets",
    "lambda": "lambda:ListFunctions",
}


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_is_authorized(cloud, service):
    """A user without policies is denied by every service, and is allowed the action that a policy grants."""
    user, key = new_user(cloud)
    code, message = expect_error(lambda: SERVICES[service](client(cloud, service, key)))
    assert code in {"AccessDenied", "AccessDeniedException", "AuthorizationError", "UnauthorizedOperation"}
    assert f"User: arn:aws:iam::{cloud.account}:user/{user} is not authorized to perform: " in message
    action = ACTIONS.get(service) or message.partition("perform: ")[2].split(" ")[0]
    assert f"because no identity-based policy allows the {action} action" in message
    client(cloud, "iam").put_user_policy(
        UserName=user, PolicyName="service-action", PolicyDocument=policy_document(allow(action))
    )
    assert SERVICES[service](client(cloud, service, key))


def test_access_denied_message_is_aws_message(cloud):
    """The message names the user, the action, the resource and the type of policy that denies."""
    user, key = new_user(cloud, allow("eks:*"), deny("eks:DeleteCluster"))
    eks = client(cloud, "eks", key)
    cluster = f"arn:aws:eks:{cloud.region}:{cloud.account}:cluster/prod"
    prefix = f"User: arn:aws:iam::{cloud.account}:user/{user} is not authorized to perform: "
    assert expect_error(lambda: eks.delete_cluster(name="prod")) == (
        "AccessDeniedException",
        f"{prefix}eks:DeleteCluster on resource: {cluster} with an explicit deny in an identity-based policy",
    )


CLUSTER = "arn:aws:eks:ap-northeast-1:123456789012:{}"


@pytest.mark.parametrize(
    ("call", "resource"),
    [
        (lambda eks: eks.describe_cluster(name="dev"), "cluster/dev"),
        (lambda eks: eks.list_nodegroups(clusterName="dev"), "cluster/dev"),
        (lambda eks: eks.describe_nodegroup(clusterName="dev", nodegroupName="n"), "nodegroup/dev/n/*"),
        (lambda eks: eks.describe_addon(clusterName="dev", addonName="vpc-cni"), "addon/dev/vpc-cni/*"),
        (
            lambda eks: eks.describe_pod_identity_association(clusterName="dev", associationId="a-1"),
            "podidentityassociation/dev/a-1",
        ),
        (
            lambda eks: eks.describe_access_entry(clusterName="dev", principalArn="arn:aws:iam::123456789012:role/x/y"),
            "access-entry/dev/role/123456789012/y/*",
        ),
        (
            lambda eks: eks.create_access_entry(clusterName="dev", principalArn="arn:aws:iam::123456789012:role/y"),
            "cluster/dev",
        ),
    ],
)
def test_eks_resource_arns(cloud, call, resource):
    """EKS calls are authorized on the ARN of the service authorization reference."""
    _, denied = new_user(cloud, allow("eks:*", on=CLUSTER.format("cluster/other")))
    _, message = expect_error(lambda: call(client(cloud, "eks", denied)))
    assert f"on resource: {CLUSTER.format(resource)} because" in message
    _, allowed = new_user(cloud, allow("eks:*", on=CLUSTER.format(resource)))
    assert "is not authorized" not in expect_error(lambda: call(client(cloud, "eks", allowed)))[1]


def test_parameters_outside_the_input_do_not_change_the_resource(cloud):
    """Parameters that are not input members of an operation do not change its resource ARN."""
    _, key = new_user(cloud, allow("eks:*", on=CLUSTER.format("podidentityassociation/prod/a-1")))
    eks = client(cloud, "eks", key)
    eks.meta.events.register(
        "before-sign.eks", lambda request, **_: setattr(request, "url", request.url + "?associationId=a-1")
    )
    assert "eks:DeleteCluster on resource" in expect_error(lambda: eks.delete_cluster(name="prod"))[1]


def test_action_parameter_of_a_rest_service_is_ignored(cloud):
    """EKS has no Action parameter. moto would read it, and the lab neither judges nor executes it."""
    _, key = new_user(cloud, allow("eks:ListClusters"))
    eks = client(cloud, "eks", key)
    eks.meta.events.register(
        "before-sign.eks", lambda request, **_: setattr(request, "url", request.url + "?Action=DeleteCluster&name=prod")
    )
    assert eks.list_clusters()["clusters"] == []


def test_condition_keys_of_region_and_source_ip(cloud):
    """Conditions on the region and the source IP are evaluated."""
    region_and_address = {
        "StringEquals": {"aws:RequestedRegion": cloud.region},
        "IpAddress": {"aws:SourceIp": "127.0.0.0/8"},
    }
    _, key = new_user(cloud, allow("eks:*", Condition=region_and_address))
    assert client(cloud, "eks", key).list_clusters()
    assert (
        expect_error_code(lambda: client(cloud, "eks", key, region="us-west-2").list_clusters())
        == "AccessDeniedException"
    )


def test_username_variable_and_principal_tags(cloud):
    """`${aws:username}` and principal tags have the caller's values."""
    own_user = allow("iam:GetUser", on=f"arn:aws:iam::{cloud.account}:user/${{aws:username}}")
    with_team_tag = allow("iam:ListRoles", Condition={"StringEquals": {"aws:PrincipalTag/team": "blue"}})
    user, key = new_user(cloud, own_user, with_team_tag, Tags=[{"Key": "team", "Value": "blue"}])
    iam = client(cloud, "iam", key)
    assert iam.get_user(UserName=user)["User"]["UserName"] == user
    assert iam.get_user()["User"]["UserName"] == user
    assert expect_error_code(lambda: iam.get_user(UserName="lab-admin")) == "AccessDenied"
    assert iam.list_roles()
    client(cloud, "iam").untag_user(UserName=user, TagKeys=["team"])
    assert expect_error_code(iam.list_roles) == "AccessDenied"


def test_request_tag_conditions(cloud):
    """Conditions on the tags of a request are evaluated."""
    required_tags = {
        "StringEquals": {"aws:RequestTag/env": "lab"},
        "ForAllValues:StringEquals": {"aws:TagKeys": ["env"]},
    }
    _, key = new_user(cloud, allow("iam:CreateUser", "iam:TagUser", Condition=required_tags))
    iam = client(cloud, "iam", key)
    assert expect_error_code(lambda: iam.create_user(UserName=unique_name("u"))) == "AccessDenied"
    tags = [{"Key": "env", "Value": "lab"}, {"Key": "x", "Value": "y"}]
    assert expect_error_code(lambda: iam.create_user(UserName=unique_name("u"), Tags=tags)) == "AccessDenied"
    assert iam.create_user(UserName=unique_name("u"), Tags=tags[:1])


def test_iam_role_resource_arn_includes_path(cloud):
    """IAM calls are authorized on the full ARN of the role, path included."""
    role = unique_name("r")
    client(cloud, "iam").create_role(
        RoleName=role, Path="/team/", AssumeRolePolicyDocument=trust_policy({"Service": "ec2.amazonaws.com"})
    )
    _, key = new_user(cloud, allow("iam:*", on=f"arn:aws:iam::{cloud.account}:role/team/*"))
    iam = client(cloud, "iam", key)
    assert iam.get_role(RoleName=role)
    assert expect_error_code(lambda: iam.get_role(RoleName="other")) == "AccessDenied"
    trust = trust_policy({"Service": "ec2.amazonaws.com"})
    assert (
        expect_error_code(lambda: iam.create_role(RoleName=unique_name("r"), AssumeRolePolicyDocument=trust))
        == "AccessDenied"
    )
    assert iam.create_role(RoleName=unique_name("r"), Path="/team/", AssumeRolePolicyDocument=trust)


def test_create_cluster_requires_pass_role(cloud):
    """Passing a role to EKS requires iam:PassRole on the role."""
    role = new_role(cloud, trust_policy({"Service": "eks.amazonaws.com"}))
    _, key = new_user(cloud, allow("eks:*"))
    eks = client(cloud, "eks", key)
    _, message = expect_error(lambda: eks.create_cluster(name="c", roleArn=role, resourcesVpcConfig={}))
    assert f"iam:PassRole on resource: {role}" in message


def test_group_policies_apply_to_users(cloud):
    """A user has the permissions of its groups."""
    user, key = new_user(cloud)
    iam, group = client(cloud, "iam"), unique_name("group")
    iam.create_group(GroupName=group)
    iam.put_group_policy(GroupName=group, PolicyName="p", PolicyDocument=policy_document(allow("s3:ListAllMyBuckets")))
    s3 = client(cloud, "s3", key)
    assert expect_error_code(s3.list_buckets) == "AccessDenied"
    iam.add_user_to_group(GroupName=group, UserName=user)
    assert s3.list_buckets()
    iam.remove_user_from_group(GroupName=group, UserName=user)
    assert expect_error_code(s3.list_buckets) == "AccessDenied"


def test_managed_policy_default_version_applies(cloud):
    """AWS's managed policies exist, and the default version of a managed policy applies."""
    user, key = new_user(cloud)
    iam, s3 = client(cloud, "iam"), client(cloud, "s3", key)
    read_only = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
    iam.attach_user_policy(UserName=user, PolicyArn=read_only)
    assert s3.list_buckets()
    assert expect_error_code(lambda: s3.create_bucket(Bucket=unique_name("b"))) == "AccessDenied"
    iam.detach_user_policy(UserName=user, PolicyArn=read_only)
    policy = iam.create_policy(PolicyName=unique_name("p"), PolicyDocument=policy_document(allow("s3:*")))["Policy"][
        "Arn"
    ]
    iam.attach_user_policy(UserName=user, PolicyArn=policy)
    assert s3.list_buckets()
    iam.create_policy_version(PolicyArn=policy, PolicyDocument=policy_document(allow("ec2:*")), SetAsDefault=True)
    assert expect_error_code(s3.list_buckets) == "AccessDenied"


@pytest.mark.parametrize("kind", ["user", "role"])
def test_permissions_boundary_limits_permissions(cloud, kind):
    """A permissions boundary limits the permissions of a user and of a role."""
    iam = client(cloud, "iam")
    boundary = iam.create_policy(PolicyName=unique_name("b"), PolicyDocument=policy_document(allow("s3:*")))["Policy"][
        "Arn"
    ]
    if kind == "user":
        principal, key = new_user(cloud, allow("*"), PermissionsBoundary=boundary)
        assert iam.get_user(UserName=principal)["User"]["PermissionsBoundary"]["PermissionsBoundaryArn"] == boundary
    else:
        arn = new_role(cloud, trust_policy({"AWS": cloud.account}), allow("*"), PermissionsBoundary=boundary)
        principal, key = arn.rpartition("/")[2], assume(cloud, arn)
    assert client(cloud, "s3", key).list_buckets()
    _, message = expect_error(lambda: client(cloud, "eks", key).list_clusters())
    assert "because no permissions boundary allows the eks:ListClusters action" in message
    if kind == "user":
        iam.delete_user_permissions_boundary(UserName=principal)
    else:
        iam.delete_role_permissions_boundary(RoleName=principal)
    assert client(cloud, "eks", key).list_clusters()


def test_role_policy_changes_apply_to_open_sessions(cloud):
    """A change of a role's policies applies to its open sessions at once."""
    arn = new_role(cloud, trust_policy({"AWS": cloud.account}))
    session = assume(cloud, arn)
    s3 = client(cloud, "s3", session)
    assert expect_error_code(s3.list_buckets) == "AccessDenied"
    client(cloud, "iam").put_role_policy(
        RoleName=arn.rpartition("/")[2], PolicyName="p", PolicyDocument=policy_document(allow("s3:*"))
    )
    assert s3.list_buckets()


def _bucket(cloud):
    bucket = unique_name("bucket")
    client(cloud, "s3").create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": cloud.region})
    return bucket


def test_s3_bucket_and_object_actions(cloud):
    """S3 authorizes buckets and objects separately, and each operation by its own action."""
    bucket = _bucket(cloud)
    client(cloud, "s3").put_object(Bucket=bucket, Key="in/a.txt", Body=b"x")
    _, key = new_user(
        cloud,
        allow("s3:ListBucket", on=f"arn:aws:s3:::{bucket}", Condition={"StringLike": {"s3:prefix": "in/*"}}),
        allow("s3:GetObject", on=f"arn:aws:s3:::{bucket}/in/*"),
    )
    s3 = client(cloud, "s3", key)
    assert s3.list_objects_v2(Bucket=bucket, Prefix="in/")["KeyCount"] == 1
    assert s3.get_object(Bucket=bucket, Key="in/a.txt")["Body"].read() == b"x"
    assert s3.head_object(Bucket=bucket, Key="in/a.txt")["ContentLength"] == 1
    denied_calls = [
        lambda: s3.list_objects_v2(Bucket=bucket),
        lambda: s3.get_object(Bucket=bucket, Key="out/a.txt"),
        lambda: s3.put_object(Bucket=bucket, Key="in/b.txt", Body=b"y"),
        lambda: s3.delete_object(Bucket=bucket, Key="in/a.txt"),
        lambda: s3.get_bucket_policy(Bucket=bucket),
        lambda: s3.get_public_access_block(Bucket=bucket),
        lambda: s3.put_bucket_policy(Bucket=bucket, Policy="{}"),
        lambda: s3.copy_object(Bucket=bucket, Key="in/c", CopySource=f"{bucket}/in/a.txt"),
        lambda: s3.delete_bucket(Bucket=bucket),
        lambda: s3.create_bucket(
            Bucket=unique_name("b"), CreateBucketConfiguration={"LocationConstraint": cloud.region}
        ),
    ]
    assert [expect_error_code(call) for call in denied_calls] == ["AccessDenied"] * len(denied_calls)
    assert expect_error_code(lambda: s3.head_object(Bucket=bucket, Key="out/a.txt")) == "403"


def test_s3_copy_requires_get_object_on_the_source(cloud):
    """CopyObject requires s3:GetObject on the source."""
    bucket = _bucket(cloud)
    client(cloud, "s3").put_object(Bucket=bucket, Key="secret", Body=b"x")
    _, key = new_user(cloud, allow("s3:*", on=f"arn:aws:s3:::{bucket}/public/*"))
    s3 = client(cloud, "s3", key)
    _, message = expect_error(lambda: s3.copy_object(Bucket=bucket, Key="public/x", CopySource=f"{bucket}/secret"))
    assert f's3:GetObject on resource: "arn:aws:s3:::{bucket}/secret"' in message


def test_s3_delete_objects_is_authorized_for_each_key(cloud):
    """DeleteObjects returns an error for each denied key and deletes none of them."""
    bucket, admin = _bucket(cloud), client(cloud, "s3")
    for key in ("a/1", "b/1"):
        admin.put_object(Bucket=bucket, Key=key, Body=b"x")
    _, caller = new_user(cloud, allow("s3:DeleteObject", on=f"arn:aws:s3:::{bucket}/a/*"))
    s3 = client(cloud, "s3", caller)
    objects = {"Objects": [{"Key": "a/1"}, {"Key": "b/1"}]}
    response = s3.delete_objects(Bucket=bucket, Delete=objects)
    assert {entry["Code"] for entry in response["Errors"]} == {"AccessDenied"}
    assert admin.get_object(Bucket=bucket, Key="b/1")
    assert "Errors" not in s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "a/1"}]})


def test_bucket_policy_grants_access(cloud):
    """A bucket policy grants access to a user of the account."""
    bucket, admin = _bucket(cloud), client(cloud, "s3")
    admin.put_object(Bucket=bucket, Key="k", Body=b"x")
    user, key = new_user(cloud)
    s3 = client(cloud, "s3", key)
    assert expect_error_code(lambda: s3.get_object(Bucket=bucket, Key="k")) == "AccessDenied"
    arn = f"arn:aws:iam::{cloud.account}:user/{user}"
    statement = {**allow("s3:GetObject", on=f"arn:aws:s3:::{bucket}/*"), "Principal": {"AWS": arn}}
    admin.put_bucket_policy(Bucket=bucket, Policy=policy_document(statement))
    assert s3.get_object(Bucket=bucket, Key="k")


def test_aws_cli_of_a_read_only_user(cloud, tmp_path):
    """For a user with read permissions `aws s3 ls` works, and `aws s3 mb` is denied."""
    bucket = _bucket(cloud)
    _, key = new_user(cloud, allow("s3:List*", "s3:Get*"))
    assert bucket in run_aws_cli(cloud, "s3", "ls", home=tmp_path / "a", caller=key).stdout
    denied = run_aws_cli(cloud, "s3", "mb", f"s3://{unique_name('b')}", home=tmp_path / "b", caller=key)
    assert "AccessDenied" in denied.stderr
