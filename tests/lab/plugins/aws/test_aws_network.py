"""EC2's and S3's rows, lived through by the real engine, and what programs look up there and elsewhere."""

import json

import pulumi
import pulumi_aws as sdk
import pytest

from lab.plugins.aws.resource_specs import TABLE

TYPES = {row.type for row in TABLE.values() if row.service in {"ec2", "s3"}} - {"aws:s3/bucketV2:BucketV2"}
UPDATED = {
    "vpc": {"enableDnsHostnames", "tags", "tagsAll"},
    "subnet": {"mapPublicIpOnLaunch", "tags", "tagsAll"},
    "group": {"tags", "tagsAll"},
    "rule": {"description"},
    "in": {"toPort"},
    "out": {"tags", "tagsAll"},
    "template": {"metadataOptions", "tags", "tagsAll"},
    "bucket": {"tags", "tagsAll"},
}
REPLACED = {
    "group": ["description"],
    "rule": ["cidrBlocks", "securityGroupId"],
    "in": ["securityGroupId"],
    "out": ["securityGroupId"],
    "template": ["name"],
    "bucket": ["bucket"],
    "subnet": ["availabilityZone"],
}


def program(version):
    """Version 2 changes what AWS can change, version 3 what it cannot."""
    changed, moved = version >= 2, version >= 3
    tags = {"stage": "two"} if changed else {"stage": "one", "gone": "soon"}
    vpc = sdk.ec2.Vpc("vpc", cidr_block="10.1.0.0/16", enable_dns_hostnames=changed, tags=tags)
    sdk.ec2.Subnet(
        "subnet",
        vpc_id=vpc.id,
        cidr_block="10.1.1.0/24",
        availability_zone="ap-northeast-1c" if moved else "ap-northeast-1a",
        map_public_ip_on_launch=changed,
        tags=tags,
    )
    group = sdk.ec2.SecurityGroup(
        "group", vpc_id=vpc.id, description="moved" if moved else "first", revoke_rules_on_delete=True, tags=tags
    )
    sdk.ec2.SecurityGroupRule(
        "rule",
        type="ingress",
        security_group_id=group.id,
        protocol="tcp",
        from_port=80,
        to_port=80,
        cidr_blocks=["10.0.0.0/8", "192.168.0.0/16"] if moved else ["10.0.0.0/8"],
        description="second" if changed else "first",
    )
    sdk.vpc.SecurityGroupIngressRule(
        "in",
        security_group_id=group.id,
        ip_protocol="tcp",
        from_port=443,
        to_port=444 if changed else 443,
        cidr_ipv4="10.0.0.0/8",
    )
    sdk.vpc.SecurityGroupEgressRule(
        "out", security_group_id=group.id, ip_protocol="-1", cidr_ipv4="0.0.0.0/0", tags=tags
    )
    template = sdk.ec2.LaunchTemplate(
        "template",
        name="renamed" if moved else "nodes",
        instance_type="m5.large",
        metadata_options={"http_tokens": "required", "http_put_response_hop_limit": 2 if changed else 1},
        tag_specifications=[{"resource_type": "instance", "tags": {"a": "b"}}],
        tags=tags,
    )
    bucket = sdk.s3.Bucket("bucket", bucket="lab-two" if moved else "lab-one", force_destroy=True, tags=tags)
    named = sdk.s3.Bucket("Named")
    pulumi.export("template", {"version": template.latest_version, "id": template.id, "arn": template.arn})
    pulumi.export("bucket", {"arn": bucket.arn, "region": bucket.region, "host": bucket.bucket_regional_domain_name})
    pulumi.export("named", named.bucket)
    pulumi.export("group", group.id)
    pulumi.export("vpc", {"id": vpc.id, "arn": vpc.arn, "table": vpc.main_route_table_id})


@pytest.fixture(scope="module")
def life(new_history):
    history = new_history(program)
    told = {"made": history.up(1), "outputs": history.outputs, "again": history.up(1), "refreshed": history.refresh()}
    return history, told


@pytest.fixture(scope="module")
def changed(life):
    return life[0].up(2)


@pytest.fixture(scope="module")
def replaced(life, changed):
    return life[0].up(3)


def test_every_type_is_in_the_program_and_settles(life):
    """Each row is made, and neither a second update nor a refresh finds anything to do."""
    assert {each["type"] for each in life[0].resources().values()} >= TYPES
    assert {step.operation for step in life[1]["again"].values()} == {"same"}
    assert {step.operation for step in life[1]["refreshed"].values()} <= {"refresh", "same"}


def test_outputs_are_what_aws_says(life, aws):
    """ARNs, ids and names lead to what boto3 finds."""
    outputs = life[1]["outputs"]
    [vpc] = aws("ec2").describe_vpcs(VpcIds=[outputs["vpc"]["id"]])["Vpcs"]
    assert outputs["vpc"]["arn"] == f"arn:aws:ec2:ap-northeast-1:{vpc['OwnerId']}:vpc/{vpc['VpcId']}"
    assert outputs["vpc"]["table"].startswith("rtb-")
    assert outputs["bucket"]["arn"] == "arn:aws:s3:::lab-one"
    assert outputs["bucket"]["host"] == "lab-one.s3.ap-northeast-1.amazonaws.com"
    assert outputs["named"] in {bucket["Name"] for bucket in aws("s3").list_buckets()["Buckets"]}
    assert outputs["named"].startswith("named-")


@pytest.mark.parametrize("name", sorted(UPDATED))
def test_what_aws_can_change_is_updated_in_place(changed, name):
    """An update names exactly the properties that differ."""
    assert changed[name].operation == "update"
    assert {path.split(".")[0] for path in changed[name].differences} == UPDATED[name]


def test_the_changes_are_there(life, changed, aws):
    """boto3 sees the second version of rules, template and tags."""
    ec2, outputs = aws("ec2"), life[0].outputs
    found = ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [outputs["group"]]}])
    ports = {rule.get("ToPort") for rule in found["SecurityGroupRules"] if not rule["IsEgress"]}
    assert ports == {80, 444}
    assert len([rule for rule in found["SecurityGroupRules"] if rule["IsEgress"]]) == 1
    versions = ec2.describe_launch_template_versions(LaunchTemplateId=outputs["template"]["id"], Versions=["$Latest"])
    [version] = versions["LaunchTemplateVersions"]
    assert version["LaunchTemplateData"]["MetadataOptions"]["HttpPutResponseHopLimit"] == 2
    assert version["VersionNumber"] == outputs["template"]["version"] == 2
    assert aws("s3").get_bucket_tagging(Bucket="lab-one")["TagSet"] == [{"Key": "stage", "Value": "two"}]


@pytest.mark.parametrize("name", sorted(REPLACED))
def test_what_aws_cannot_change_is_replaced_and_the_cause_is_named(replaced, name):
    """A replacement says which property made it necessary."""
    assert f"{name} create-replacement" in replaced
    assert sorted(replaced[name].replaced_for) == REPLACED[name]


def test_an_import_of_everything_finds_no_difference(life, replaced, new_history):
    """What one stack made, another takes over by its ids, without a change."""
    importable = {kind for kind in TYPES if not TABLE[kind].no_import}
    made = life[0].resources()
    ids = {name: each["id"] for name, each in made.items() if each["type"] in importable}

    async def adopt(args):
        kept = pulumi.ResourceOptions(import_=ids.get(args.name), retain_on_delete=True)
        names = {
            key: made[args.name]["outputs"][key] for key in ("name", "bucket") if key in made[args.name]["outputs"]
        }
        if args.name not in ids:
            return pulumi.ResourceTransformResult({**args.props, "fromPort": 81, "toPort": 81}, args.opts)
        return pulumi.ResourceTransformResult({**names, **args.props}, pulumi.ResourceOptions.merge(args.opts, kept))

    def importing(version):
        pulumi.runtime.register_resource_transform(adopt)
        program(3)

    steps = new_history(importing, name="adopted").up(1)
    assert {name: step.operation for name, step in steps.items() if name in ids} == dict.fromkeys(ids, "import")


def looking(version):
    role = sdk.iam.Role(
        "found",
        name="found",
        assume_role_policy=json.dumps(
            {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Principal": "*", "Action": "sts:AssumeRole"}]}
        ),
        tags={"a": "b"},
    )
    user = sdk.iam.User("found-user", name="found-user", path="/team/")
    provider = sdk.iam.OpenIdConnectProvider(
        "found-oidc", url="https://issuer.example.com/x", client_id_lists=["sts.amazonaws.com"]
    )
    vpc = sdk.ec2.get_vpc_output(default=True)
    answers = {
        "partition": sdk.get_partition_output(),
        "region": sdk.get_region_output(),
        "caller": sdk.get_caller_identity_output(),
        "zones": sdk.get_availability_zones_output(state="available"),
        "role": sdk.iam.get_role_output(name=role.name),
        "user": sdk.iam.get_user_output(user_name=user.name),
        "oidc by url": sdk.iam.get_open_id_connect_provider_output(url=provider.url),
        "oidc by arn": sdk.iam.get_open_id_connect_provider_output(arn=provider.arn),
        "policy": sdk.iam.get_policy_output(name="AmazonS3ReadOnlyAccess"),
        "session": sdk.iam.get_session_context_output(arn="arn:aws:sts::123456789012:assumed-role/found/me")
        if version > 1
        else {},
        "vpc": vpc,
        "subnets": sdk.ec2.get_subnets_output(filters=[{"name": "vpc-id", "values": [vpc.id]}]),
        "principal": sdk.get_service_principal_output(service_name="eks"),
        "document": sdk.iam.get_policy_document_output(
            statements=[
                {
                    "actions": ["sts:AssumeRoleWithWebIdentity"],
                    "principals": [{"type": "Federated", "identifiers": [provider.arn]}],
                    "conditions": [
                        {"test": "StringEquals", "variable": "issuer:aud", "values": ["sts.amazonaws.com"]},
                        {"test": "StringLike", "variable": "issuer:sub", "values": ["a:&{aws:username}", "b"]},
                    ],
                },
                {"sid": "All", "effect": "Deny", "actions": ["s3:Get*", "s3:Put*"], "resources": ["*"]},
            ]
        ),
    }
    for name, answer in answers.items():
        pulumi.export(
            name,
            pulumi.Output.from_input(answer).apply(
                lambda found: dict(vars(found)) if hasattr(found, "__dict__") else found
            ),
        )


@pytest.fixture(scope="module")
def answers(new_history):
    history = new_history(
        looking, name="looking", config={"aws:defaultTags": json.dumps({"tags": {"project": "lab", "a": "default"}})}
    )
    history.up(1)
    history.up(2)
    return history.outputs


def test_functions_about_the_caller_answer_as_aws_does(answers, cloud):
    """Partition, region, account and zones are those of the session."""
    assert answers["partition"]["dns_suffix"] == "amazonaws.com"
    assert answers["region"]["region"] == answers["region"]["name"] == "ap-northeast-1"
    assert "Tokyo" in answers["region"]["description"]
    assert answers["caller"]["account_id"] == cloud.account
    assert answers["caller"]["arn"].endswith(":user/lab-admin")
    assert "ap-northeast-1a" in answers["zones"]["names"]
    assert answers["principal"]["name"] == "eks.amazonaws.com"


def test_functions_about_iam_find_what_is_there(answers):
    """Roles, users, providers and policies are found by name, URL or ARN."""
    assert answers["role"]["arn"].endswith(":role/found")
    assert answers["user"]["arn"].endswith(":user/team/found-user")
    assert answers["oidc by url"]["arn"] == answers["oidc by arn"]["arn"]
    assert answers["oidc by arn"]["client_id_lists"] == ["sts.amazonaws.com"]
    assert json.loads(answers["policy"]["policy"])["Statement"]
    assert answers["session"]["issuer_arn"] == answers["role"]["arn"]
    assert answers["session"]["session_name"] == "me"


def test_default_tags_lie_under_a_resources_own(answers, aws):
    """The provider's default tags reach AWS, and a resource's own tag wins."""
    tags = aws("iam").list_role_tags(RoleName="found")["Tags"]
    assert {tag["Key"]: tag["Value"] for tag in tags} == {"project": "lab", "a": "b"}


def test_subnets_are_those_of_the_vpc(answers, aws):
    """The default VPC's subnets are found by filter."""
    found = aws("ec2").describe_subnets(Filters=[{"Name": "vpc-id", "Values": [answers["vpc"]["id"]]}])["Subnets"]
    assert sorted(answers["subnets"]["ids"]) == sorted(subnet["SubnetId"] for subnet in found)


def test_a_policy_document_is_what_iam_reads(answers):
    """Lists of one fold, conditions merge by operator, and &{ becomes ${."""
    trust, deny = json.loads(answers["document"]["json"])["Statement"]
    assert trust["Action"] == "sts:AssumeRoleWithWebIdentity"
    assert trust["Principal"] == {"Federated": answers["oidc by arn"]["arn"]}
    assert trust["Condition"] == {
        "StringEquals": {"issuer:aud": "sts.amazonaws.com"},
        "StringLike": {"issuer:sub": ["a:${aws:username}", "b"]},
    }
    assert deny["Sid"] == "All"
    assert sorted(deny["Action"]) == ["s3:Get*", "s3:Put*"]
    assert json.loads(answers["document"]["minified_json"]) == json.loads(answers["document"]["json"])
