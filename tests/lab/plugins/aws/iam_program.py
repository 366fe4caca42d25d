"""Program with IAM resources: version 2 changes mutable properties, version 3 immutable ones."""

import json

import pulumi_aws as sdk

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
    """Declare the resources and return the outputs."""
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
    second = iam.Group("second-group")
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
    return {
        "secret": key.secret,
        "key": key.id,
        "friend": friend.name,
        "base": base.name,
        "policy": policy.arn,
        "oidc": {"arn": provider.arn, "url": provider.url},
        "user": user.arn,
    }
