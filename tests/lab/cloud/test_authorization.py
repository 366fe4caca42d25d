"""What callers may do: every service, by action, resource and condition, and the words of a denial."""

import pytest
from cloud_helpers import allow, assume, aws, client, code, deny, document, error, name, new_role, new_user, trusts

SERVICES = {
    "autoscaling": lambda api: api.describe_auto_scaling_groups(),
    "cloudwatch": lambda api: api.list_metrics(),
    "dynamodb": lambda api: api.list_tables(),
    "ec2": lambda api: api.describe_vpcs(),
    "ecr": lambda api: api.describe_repositories(),
    "eks": lambda api: api.list_clusters(),
    "elbv2": lambda api: api.describe_load_balancers(),
    "events": lambda api: api.list_rules(),
    "iam": lambda api: api.list_roles(),
    "kms": lambda api: api.list_keys(),
    "lambda": lambda api: api.list_functions(),
    "logs": lambda api: api.describe_log_groups(),
    "route53": lambda api: api.list_hosted_zones(),
    "s3": lambda api: api.list_buckets(),
    "s3control": lambda api: api.list_access_points(AccountId="123456789012"),
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
    "s3control": "s3:ListAccessPoints",
    "lambda": "lambda:ListFunctions",
}


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_asks(cloud, service):
    """A user without policies may do nothing anywhere, and with all of a service's actions may do it."""
    user, key = new_user(cloud)
    refused, message = error(lambda: SERVICES[service](client(cloud, service, key)))
    assert refused in {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"}
    assert f"User: arn:aws:iam::{cloud.account}:user/{user} is not authorized to perform: " in message
    action = ACTIONS.get(service) or message.partition("perform: ")[2].split(" ")[0]
    assert f"because no identity-based policy allows the {action} action" in message
    client(cloud, "iam").put_user_policy(UserName=user, PolicyName="one", PolicyDocument=document(allow(action)))
    assert SERVICES[service](client(cloud, service, key))


def test_denial_in_the_words_of_aws(cloud):
    """The message names user, action, resource and the kind of policy that decided."""
    user, key = new_user(cloud, allow("eks:*"), deny("eks:DeleteCluster"))
    eks = client(cloud, "eks", key)
    cluster = f"arn:aws:eks:{cloud.region}:{cloud.account}:cluster/prod"
    who = f"User: arn:aws:iam::{cloud.account}:user/{user} is not authorized to perform: "
    refused = error(lambda: eks.delete_cluster(name="prod"))
    assert refused == (
        "AccessDeniedException",
        f"{who}eks:DeleteCluster on resource: {cluster} with an explicit deny in an identity-based policy",
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
def test_eks_resources(cloud, call, resource):
    """EKS calls are judged on the ARN that the service authorization reference gives."""
    _, nobody = new_user(cloud, allow("eks:*", on=CLUSTER.format("cluster/other")))
    _, message = error(lambda: call(client(cloud, "eks", nobody)))
    assert f"on resource: {CLUSTER.format(resource)} because" in message
    _, allowed = new_user(cloud, allow("eks:*", on=CLUSTER.format(resource)))
    assert "is not authorized" not in error(lambda: call(client(cloud, "eks", allowed)))[1]


def test_extra_parameters_do_not_change_the_resource(cloud):
    """Parameters that are no part of an operation do not make it look like one on another resource."""
    _, key = new_user(cloud, allow("eks:*", on=CLUSTER.format("podidentityassociation/prod/a-1")))
    eks = client(cloud, "eks", key)
    eks.meta.events.register(
        "before-sign.eks", lambda request, **_: setattr(request, "url", request.url + "?associationId=a-1")
    )
    assert "eks:DeleteCluster on resource" in error(lambda: eks.delete_cluster(name="prod"))[1]


def test_an_action_in_the_query_is_judged_as_what_it_does(cloud):
    """moto takes an Action parameter for any service: it is judged by that action."""
    _, key = new_user(cloud, allow("eks:ListClusters"))
    eks = client(cloud, "eks", key)
    eks.meta.events.register(
        "before-sign.eks", lambda request, **_: setattr(request, "url", request.url + "?Action=DeleteCluster&name=prod")
    )
    assert "eks:DeleteCluster" in error(eks.list_clusters)[1]


def test_conditions_of_identity_policies_count(cloud):
    """A condition on region, tag or address holds or refuses."""
    here = {"StringEquals": {"aws:RequestedRegion": cloud.region}, "IpAddress": {"aws:SourceIp": "127.0.0.0/8"}}
    _, key = new_user(cloud, allow("eks:*", Condition=here))
    assert client(cloud, "eks", key).list_clusters()
    assert code(lambda: client(cloud, "eks", key, region="us-west-2").list_clusters()) == "AccessDeniedException"


def test_user_name_variable_and_tags(cloud):
    """`${aws:username}` and principal tags are the caller's."""
    own = allow("iam:GetUser", on=f"arn:aws:iam::{cloud.account}:user/${{aws:username}}")
    tagged = allow("iam:ListRoles", Condition={"StringEquals": {"aws:PrincipalTag/team": "blue"}})
    user, key = new_user(cloud, own, tagged, Tags=[{"Key": "team", "Value": "blue"}])
    iam = client(cloud, "iam", key)
    assert iam.get_user(UserName=user)["User"]["UserName"] == user
    assert iam.get_user()["User"]["UserName"] == user
    assert code(lambda: iam.get_user(UserName="lab-admin")) == "AccessDenied"
    assert iam.list_roles()
    client(cloud, "iam").untag_user(UserName=user, TagKeys=["team"])
    assert code(iam.list_roles) == "AccessDenied"


def test_request_tags(cloud):
    """Tags in a request can be asked for."""
    must = {"StringEquals": {"aws:RequestTag/env": "lab"}, "ForAllValues:StringEquals": {"aws:TagKeys": ["env"]}}
    _, key = new_user(cloud, allow("iam:CreateUser", "iam:TagUser", Condition=must))
    iam = client(cloud, "iam", key)
    assert code(lambda: iam.create_user(UserName=name("u"))) == "AccessDenied"
    more = [{"Key": "env", "Value": "lab"}, {"Key": "x", "Value": "y"}]
    assert code(lambda: iam.create_user(UserName=name("u"), Tags=more)) == "AccessDenied"
    assert iam.create_user(UserName=name("u"), Tags=more[:1])


def test_role_resources_have_their_path(cloud):
    """IAM calls are judged on the full ARN of the role, path included."""
    role = name("r")
    client(cloud, "iam").create_role(
        RoleName=role, Path="/team/", AssumeRolePolicyDocument=trusts({"Service": "ec2.amazonaws.com"})
    )
    _, key = new_user(cloud, allow("iam:*", on=f"arn:aws:iam::{cloud.account}:role/team/*"))
    iam = client(cloud, "iam", key)
    assert iam.get_role(RoleName=role)
    assert code(lambda: iam.get_role(RoleName="other")) == "AccessDenied"
    trust = trusts({"Service": "ec2.amazonaws.com"})
    assert code(lambda: iam.create_role(RoleName=name("r"), AssumeRolePolicyDocument=trust)) == "AccessDenied"
    assert iam.create_role(RoleName=name("r"), Path="/team/", AssumeRolePolicyDocument=trust)


def test_passing_a_role_needs_permission(cloud):
    """Handing a role to EKS needs iam:PassRole on it."""
    role = new_role(cloud, trusts({"Service": "eks.amazonaws.com"}))
    _, key = new_user(cloud, allow("eks:*"))
    eks = client(cloud, "eks", key)
    refused = error(lambda: eks.create_cluster(name="c", roleArn=role, resourcesVpcConfig={}))
    assert f"iam:PassRole on resource: {role}" in refused[1]


def test_groups(cloud):
    """A user may do what its groups may."""
    user, key = new_user(cloud)
    iam, group = client(cloud, "iam"), name("group")
    iam.create_group(GroupName=group)
    iam.put_group_policy(GroupName=group, PolicyName="p", PolicyDocument=document(allow("s3:ListAllMyBuckets")))
    s3 = client(cloud, "s3", key)
    assert code(s3.list_buckets) == "AccessDenied"
    iam.add_user_to_group(GroupName=group, UserName=user)
    assert s3.list_buckets()
    iam.remove_user_from_group(GroupName=group, UserName=user)
    assert code(s3.list_buckets) == "AccessDenied"


def test_managed_policies_and_their_default_version(cloud):
    """AWS's managed policies are there, and of several versions the default one counts."""
    user, key = new_user(cloud)
    iam, s3 = client(cloud, "iam"), client(cloud, "s3", key)
    read_only = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
    iam.attach_user_policy(UserName=user, PolicyArn=read_only)
    assert s3.list_buckets()
    assert code(lambda: s3.create_bucket(Bucket=name("b"))) == "AccessDenied"
    iam.detach_user_policy(UserName=user, PolicyArn=read_only)
    own = iam.create_policy(PolicyName=name("p"), PolicyDocument=document(allow("s3:*")))["Policy"]["Arn"]
    iam.attach_user_policy(UserName=user, PolicyArn=own)
    assert s3.list_buckets()
    iam.create_policy_version(PolicyArn=own, PolicyDocument=document(allow("ec2:*")), SetAsDefault=True)
    assert code(s3.list_buckets) == "AccessDenied"


@pytest.mark.parametrize("kind", ["user", "role"])
def test_permissions_boundaries(cloud, kind):
    """A boundary takes away what it does not allow."""
    iam = client(cloud, "iam")
    boundary = iam.create_policy(PolicyName=name("b"), PolicyDocument=document(allow("s3:*")))["Policy"]["Arn"]
    if kind == "user":
        principal, key = new_user(cloud, allow("*"), PermissionsBoundary=boundary)
        assert iam.get_user(UserName=principal)["User"]["PermissionsBoundary"]["PermissionsBoundaryArn"] == boundary
    else:
        arn = new_role(cloud, trusts({"AWS": cloud.account}), allow("*"), PermissionsBoundary=boundary)
        principal, key = arn.rpartition("/")[2], assume(cloud, arn)
    assert client(cloud, "s3", key).list_buckets()
    refused = error(lambda: client(cloud, "eks", key).list_clusters())
    assert "because no permissions boundary allows the eks:ListClusters action" in refused[1]
    if kind == "user":
        iam.delete_user_permissions_boundary(UserName=principal)
    else:
        iam.delete_role_permissions_boundary(RoleName=principal)
    assert client(cloud, "eks", key).list_clusters()


def test_changes_count_at_once_for_open_sessions(cloud):
    """A session's permissions are its role's as they are now."""
    arn = new_role(cloud, trusts({"AWS": cloud.account}))
    session = assume(cloud, arn)
    s3 = client(cloud, "s3", session)
    assert code(s3.list_buckets) == "AccessDenied"
    client(cloud, "iam").put_role_policy(
        RoleName=arn.rpartition("/")[2], PolicyName="p", PolicyDocument=document(allow("s3:*"))
    )
    assert s3.list_buckets()


def _bucket(cloud):
    bucket = name("bucket")
    client(cloud, "s3").create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": cloud.region})
    return bucket


def test_s3_objects_and_buckets(cloud):
    """S3 tells buckets from objects, and each operation by its own action."""
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
    refused = [
        lambda: s3.list_objects_v2(Bucket=bucket),
        lambda: s3.get_object(Bucket=bucket, Key="out/a.txt"),
        lambda: s3.put_object(Bucket=bucket, Key="in/b.txt", Body=b"y"),
        lambda: s3.delete_object(Bucket=bucket, Key="in/a.txt"),
        lambda: s3.get_bucket_policy(Bucket=bucket),
        lambda: s3.get_public_access_block(Bucket=bucket),
        lambda: s3.put_bucket_policy(Bucket=bucket, Policy="{}"),
        lambda: s3.copy_object(Bucket=bucket, Key="in/c", CopySource=f"{bucket}/in/a.txt"),
        lambda: s3.delete_bucket(Bucket=bucket),
        lambda: s3.create_bucket(Bucket=name("b"), CreateBucketConfiguration={"LocationConstraint": cloud.region}),
    ]
    assert [code(call) for call in refused] == ["AccessDenied"] * len(refused)
    assert code(lambda: s3.head_object(Bucket=bucket, Key="out/a.txt")) == "403"


def test_s3_copy_needs_the_source(cloud):
    """Copying needs to read what is copied."""
    bucket = _bucket(cloud)
    client(cloud, "s3").put_object(Bucket=bucket, Key="secret", Body=b"x")
    _, key = new_user(cloud, allow("s3:*", on=f"arn:aws:s3:::{bucket}/public/*"))
    s3 = client(cloud, "s3", key)
    refused = error(lambda: s3.copy_object(Bucket=bucket, Key="public/x", CopySource=f"{bucket}/secret"))
    assert f's3:GetObject on resource: "arn:aws:s3:::{bucket}/secret"' in refused[1]


def test_s3_deleting_several_objects(cloud):
    """DeleteObjects answers for each key, and deletes none that is refused."""
    bucket, admin = _bucket(cloud), client(cloud, "s3")
    for key in ("a/1", "b/1"):
        admin.put_object(Bucket=bucket, Key=key, Body=b"x")
    _, who = new_user(cloud, allow("s3:DeleteObject", on=f"arn:aws:s3:::{bucket}/a/*"))
    s3 = client(cloud, "s3", who)
    wanted = {"Objects": [{"Key": "a/1"}, {"Key": "b/1"}]}
    answer = s3.delete_objects(Bucket=bucket, Delete=wanted)
    assert {entry["Code"] for entry in answer["Errors"]} == {"AccessDenied"}
    assert admin.get_object(Bucket=bucket, Key="b/1")
    assert "Errors" not in s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "a/1"}]})


def test_bucket_policies(cloud):
    """A bucket's policy gives to a user of the account, and takes from everybody."""
    bucket, admin = _bucket(cloud), client(cloud, "s3")
    admin.put_object(Bucket=bucket, Key="k", Body=b"x")
    user, key = new_user(cloud)
    s3 = client(cloud, "s3", key)
    assert code(lambda: s3.get_object(Bucket=bucket, Key="k")) == "AccessDenied"
    arn = f"arn:aws:iam::{cloud.account}:user/{user}"
    gives = {**allow("s3:GetObject", on=f"arn:aws:s3:::{bucket}/*"), "Principal": {"AWS": arn}}
    admin.put_bucket_policy(Bucket=bucket, Policy=document(gives))
    assert s3.get_object(Bucket=bucket, Key="k")


def test_the_aws_command_from_a_user_who_may_only_list(cloud, tmp_path):
    """`aws s3 ls` works, `aws s3 mb` is denied."""
    bucket = _bucket(cloud)
    _, key = new_user(cloud, allow("s3:List*", "s3:Get*"))
    assert bucket in aws(cloud, "s3", "ls", home=tmp_path / "a", who=key).stdout
    refused = aws(cloud, "s3", "mb", f"s3://{name('b')}", home=tmp_path / "b", who=key)
    assert "AccessDenied" in refused.stderr
