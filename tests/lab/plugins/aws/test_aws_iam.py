"""IAM's rows, lived through: made, found unchanged, changed, replaced, imported, and taken away, by the real engine."""

import json

import pulumi
import pulumi_aws as sdk
import pytest

from lab.plugins.aws.resource_specs import TABLE

IAM = [row.type for row in TABLE.values() if row.service == "iam"]
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
READ = "arn:aws:iam::aws:policy/ReadOnlyAccess"
READ_S3 = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
BOUNDARY = "arn:aws:iam::aws:policy/PowerUserAccess"
ISSUER = "https://oidc.eks.ap-northeast-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDE"

UPDATED = {
    "role": {"assumeRolePolicy", "description", "maxSessionDuration", "permissionsBoundary", "tags", "tagsAll"},
    "role-policy": {"policy"},
    "policy": {"policy", "tags", "tagsAll"},
    "user": {"permissionsBoundary", "tags", "tagsAll"},
    "user-policy": {"policy"},
    "key": {"status"},
    "group-members": {"users"},
    "oidc": {"clientIdLists", "thumbprintLists", "tags", "tagsAll"},
    "profile": {"role", "tags", "tagsAll"},
}
REPLACED = {
    "role": ["path"],
    "role-policy": ["name"],
    "attachment": ["policyArn"],
    "policy": ["description"],
    "user": ["path"],
    "user-policy": ["name"],
    "user-attachment": ["policyArn"],
    "key": ["user"],
    "group": ["path"],
    "group-members": ["group"],
    "oidc": ["url"],
    "profile": ["path"],
}


def allow(*actions):
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": actions, "Resource": "*"}]})


def program(version):
    """Version 2 changes what AWS can change, version 3 what it cannot."""
    changed, moved = version >= 2, version >= 3
    more = {"tags": {"stage": "two", "kept": "yes"} if changed else {"stage": "one", "gone": "soon", "kept": "yes"}}
    path = {"path": "/moved/"} if moved else {}
    iam = sdk.iam
    trust = json.loads(json.dumps(TRUST))
    trust["Statement"][0]["Principal"]["Service"] = "eks.amazonaws.com" if changed else "ec2.amazonaws.com"
    iam.Role(
        "role",
        name="named",
        assume_role_policy=json.dumps(trust),
        description="second" if changed else "first",
        max_session_duration=7200 if changed else 3600,
        permissions_boundary=None if changed else BOUNDARY,
        **path,
        **more,
    )
    base = iam.Role("base", assume_role_policy=json.dumps(TRUST))
    other = iam.Role("other", assume_role_policy=json.dumps(TRUST))
    iam.RolePolicy(
        "role-policy",
        role=base.name,
        name="renamed" if moved else "inline",
        policy=allow("s3:Get*" if changed else "s3:*"),
    )
    iam.RolePolicyAttachment("attachment", role=base.name, policy_arn=READ_S3 if moved else READ)
    policy = iam.Policy(
        "policy", policy=allow("s3:Put*" if changed else "s3:*"), description="moved" if moved else "first", **more
    )
    user = iam.User("user", name="ope", permissions_boundary=BOUNDARY if changed else None, **path, **more)
    friend = iam.User("friend", force_destroy=True)
    keeper = iam.User("keeper")
    iam.UserPolicy(
        "user-policy",
        user=friend.name,
        name="renamed" if moved else "inline",
        policy=allow("s3:Get*" if changed else "s3:*"),
    )
    iam.UserPolicyAttachment("user-attachment", user=friend.name, policy_arn=READ_S3 if moved else READ)
    key = iam.AccessKey("key", user=keeper.name if moved else friend.name, status="Inactive" if changed else "Active")
    group = iam.Group("group", **path)
    second = iam.Group("second")
    iam.GroupMembership(
        "group-members",
        name="members",
        group=second.name if moved else group.name,
        users=[friend.name, keeper.name] if changed else [friend.name],
    )
    provider = iam.OpenIdConnectProvider(
        "oidc",
        url=ISSUER + ("2" if moved else "1"),
        client_id_lists=["sts.amazonaws.com", "other"] if changed else ["sts.amazonaws.com"],
        thumbprint_lists=["b" * 40] if changed else ["a" * 40],
        **more,
    )
    iam.InstanceProfile("profile", name="nodes", role=other.name if changed else base.name, **path, **more)
    pulumi.export("secret", key.secret)
    pulumi.export("key", key.id)
    pulumi.export("friend", friend.name)
    pulumi.export("base", base.name)
    pulumi.export("policy", policy.arn)
    pulumi.export("oidc", {"arn": provider.arn, "url": provider.url})
    pulumi.export("user", user.arn)


@pytest.fixture(scope="module")
def life(new_history):
    """The whole life, once: each update's steps."""
    history = new_history(program)
    told = {
        "made": history.up(1),
        "made outputs": history.outputs,
        "again": history.up(1),
        "refreshed": history.refresh(),
    }
    told |= {"state": history.resources(), "checkpoint": history.checkpoint()}
    return history, told


@pytest.fixture(scope="module")
def seen_first(life, aws):
    """What boto3 saw after the first update."""
    _, told = life
    iam, outputs = aws("iam"), told["made outputs"]
    return {
        "role": iam.get_role(RoleName="named")["Role"],
        "attached": iam.list_attached_role_policies(RoleName=outputs["base"])["AttachedPolicies"],
        "user": iam.get_user(UserName="ope")["User"],
        "keys": iam.list_access_keys(UserName=outputs["friend"])["AccessKeyMetadata"],
        "oidc": iam.get_open_id_connect_provider(OpenIDConnectProviderArn=outputs["oidc"]["arn"]),
        "profile": iam.get_instance_profile(InstanceProfileName="nodes")["InstanceProfile"],
    }


@pytest.fixture(scope="module")
def changed(life, seen_first):
    return life[0].up(2)


@pytest.fixture(scope="module")
def replaced(life, changed):
    return life[0].up(3)


def test_every_type_of_iam_is_in_the_program(life):
    """No row of IAM goes without a life."""
    types = {each["type"] for each in life[1]["state"].values()}
    assert types >= set(IAM)


def test_a_second_update_finds_nothing_to_do(life):
    """The state after create is what the same inputs ask for."""
    assert {step.operation for step in life[1]["again"].values()} == {"same"}


def test_a_refresh_finds_nothing_changed(life):
    """What read says is what create said."""
    assert {step.operation for step in life[1]["refreshed"].values()} <= {"refresh", "same"}


def test_aws_has_what_was_declared(seen_first):
    """boto3 sees the program's role, user, key, provider and instance profile."""
    role = seen_first["role"]
    assert role["AssumeRolePolicyDocument"] == TRUST
    assert role["PermissionsBoundary"]["PermissionsBoundaryArn"] == BOUNDARY
    assert {tag["Key"]: tag["Value"] for tag in role["Tags"]} == {"stage": "one", "gone": "soon", "kept": "yes"}
    assert [policy["PolicyArn"] for policy in seen_first["attached"]] == [READ]
    assert [key["Status"] for key in seen_first["keys"]] == ["Active"]
    assert seen_first["oidc"]["ClientIDList"] == ["sts.amazonaws.com"]
    assert [role["RoleName"].partition("-")[0] for role in seen_first["profile"]["Roles"]] == ["base"]


def test_names_that_are_not_given_are_the_logical_name_and_seven_digits(life):
    """Automatic names look as the official plugin's do."""
    name, _, digits = life[1]["made outputs"]["base"].partition("-")
    assert (name, len(digits)) == ("base", 7)
    assert int(digits, 16) >= 0


def test_the_issuer_is_kept_without_its_scheme(life):
    """A provider's url output has no https://, and its ARN ends with it."""
    provider = life[1]["made outputs"]["oidc"]
    assert provider["url"] == (ISSUER + "1").removeprefix("https://")
    assert provider["arn"].endswith(f":oidc-provider/{provider['url']}")


def test_secrets_stay_secret(life):
    """The secret of an access key is nowhere in the state in clear."""
    secret = life[1]["made outputs"]["secret"]
    assert len(secret) >= 30
    assert secret not in life[1]["checkpoint"]
    assert life[1]["made outputs"]["key"] in life[1]["checkpoint"]


@pytest.mark.parametrize("name", sorted(UPDATED))
def test_what_aws_can_change_is_updated_in_place(changed, name):
    """An update names exactly the properties that differ."""
    assert changed[name].operation == "update"
    assert {path.split(".")[0] for path in changed[name].differences} == UPDATED[name]


def test_the_changes_are_there(life, changed, aws):
    """boto3 sees the second version: changed, added and removed settings and tags."""
    iam = aws("iam")
    role = iam.get_role(RoleName="named")["Role"]
    assert role["Description"] == "second"
    assert role["MaxSessionDuration"] == 7200
    assert "PermissionsBoundary" not in role
    assert {tag["Key"]: tag["Value"] for tag in role["Tags"]} == {"stage": "two", "kept": "yes"}
    outputs = life[0].outputs
    provider = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=outputs["oidc"]["arn"])
    assert sorted(provider["ClientIDList"]) == ["other", "sts.amazonaws.com"]
    document = iam.get_policy_version(
        PolicyArn=outputs["policy"], VersionId=iam.get_policy(PolicyArn=outputs["policy"])["Policy"]["DefaultVersionId"]
    )
    assert document["PolicyVersion"]["Document"]["Statement"][0]["Action"] == ["s3:Put*"]
    [key] = iam.list_access_keys(UserName=outputs["friend"])["AccessKeyMetadata"]
    assert key["Status"] == "Inactive"
    profile = iam.get_instance_profile(InstanceProfileName="nodes")["InstanceProfile"]
    assert [role["RoleName"].partition("-")[0] for role in profile["Roles"]] == ["other"]


@pytest.mark.parametrize("name", sorted(REPLACED))
def test_what_aws_cannot_change_is_replaced_and_the_cause_is_named(replaced, name):
    """A replacement says which property made it necessary."""
    assert f"{name} create-replacement" in replaced
    assert replaced[name].replaced_for == REPLACED[name]


def test_an_import_of_everything_finds_no_difference(life, replaced, new_history):
    """What one stack made, another takes over by its import ids, without a change."""
    importable = {kind for kind in IAM if not TABLE[kind].no_import}
    made = life[0].resources()
    ids = {name: import_id(each) for name, each in made.items() if each["type"] in importable}

    async def adopt(args):
        kept = pulumi.ResourceOptions(import_=ids.get(args.name), retain_on_delete=True)
        props = dict(args.props)
        if "name" not in props and "name" in made.get(args.name, {}).get("outputs", {}):
            props["name"] = made[args.name]["outputs"]["name"]
        return pulumi.ResourceTransformResult(props, pulumi.ResourceOptions.merge(args.opts, kept))

    def importing(version):
        pulumi.runtime.register_resource_transform(adopt)
        program(3)

    steps = new_history(importing, name="adopted").up(1)
    assert {name: step.operation for name, step in steps.items() if name in ids} == dict.fromkeys(ids, "import")


def import_id(resource):
    outputs = resource["outputs"]
    kind = resource["type"].rsplit(":", 1)[-1]
    if kind == "AccessKey":
        return f"{outputs['user']}/{resource['id']}"
    return resource["id"]
