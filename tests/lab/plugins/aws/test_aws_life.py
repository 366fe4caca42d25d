"""The rows of IAM, EC2, S3 and EKS, lived through by the real engine: made, found unchanged, changed, replaced,
imported, and taken away.

Each run of the engine costs seconds, so one stack holds the programs of all services and goes through its life once.
Tests of one step stand together: they look at AWS as it is then.
"""

import json

import eks_program
import iam_program
import lookup_program
import network_program
import pulumi
import pytest
import region_program
from iam_program import BOUNDARY, ISSUER, READ, TRUST
from pulumi import automation
from region_program import HERE, THERE

from lab.plugins.aws.resource_specs import TABLE

PROGRAMS = {
    "iam": iam_program,
    "network": network_program,
    "eks": eks_program,
    "lookups": lookup_program,
    "regions": region_program,
}
TYPES = {row.type for row in TABLE.values() if row.service in {"iam", "ec2", "s3", "eks"}}
TYPES -= {"aws:s3/bucketV2:BucketV2"}
SERVICES = (iam_program, network_program, eks_program)
UPDATED = {name: expected for service in SERVICES for name, expected in service.UPDATED.items()}
REPLACED = {name: expected for service in SERVICES for name, expected in service.REPLACED.items()}


def program(version):
    for name, each in PROGRAMS.items():
        pulumi.export(name, each.program(version))


@pytest.fixture(scope="module")
def life(new_history):
    """The stack, and what was seen of it until it had settled."""
    history = new_history(program)
    history.up(1)
    told = {"outputs": history.outputs, "again": history.up(1), "refreshed": history.refresh()}
    told |= {"state": history.resources(), "checkpoint": history.checkpoint()}
    return history, told


@pytest.fixture(scope="module")
def first(life):
    """The outputs of the first update, by program."""
    return life[1]["outputs"]


@pytest.fixture(scope="module")
def changed(life):
    """The steps of the second version, and its outputs."""
    return life[0].up(2), life[0].outputs


@pytest.fixture(scope="module")
def replaced(life, changed):
    """The steps of the third version, and its outputs."""
    return life[0].up(3), life[0].outputs


def test_every_type_is_in_the_program_and_settles(life):
    """Each row is made, and neither a second update nor a refresh finds anything to do."""
    assert {each["type"] for each in life[1]["state"].values()} >= TYPES
    assert {step.operation for step in life[1]["again"].values()} == {"same"}
    assert {step.operation for step in life[1]["refreshed"].values()} <= {"refresh", "same"}


def test_every_type_of_iam_is_in_the_program(life):
    """No row of IAM goes without a life."""
    types = {each["type"] for each in life[1]["state"].values()}
    assert types >= {row.type for row in TABLE.values() if row.service == "iam"}


def test_a_second_update_finds_nothing_to_do(life):
    """The state after create is what the same inputs ask for."""
    assert {step.operation for step in life[1]["again"].values()} == {"same"}


def test_a_refresh_finds_nothing_changed(life):
    """What read says is what create said."""
    assert {step.operation for step in life[1]["refreshed"].values()} <= {"refresh", "same"}


def test_aws_has_what_was_declared(first, aws):
    """boto3 sees the program's role, user, key, provider and instance profile."""
    iam, outputs = aws("iam"), first["iam"]
    role = iam.get_role(RoleName="named")["Role"]
    assert role["AssumeRolePolicyDocument"] == TRUST
    assert role["PermissionsBoundary"]["PermissionsBoundaryArn"] == BOUNDARY
    assert {tag["Key"]: tag["Value"] for tag in role["Tags"]} == {"stage": "one", "gone": "soon", "kept": "yes"}
    attached = iam.list_attached_role_policies(RoleName=outputs["base"])["AttachedPolicies"]
    assert [policy["PolicyArn"] for policy in attached] == [READ]
    assert iam.get_user(UserName="ope")["User"]["Arn"] == outputs["user"]
    assert [key["Status"] for key in iam.list_access_keys(UserName=outputs["friend"])["AccessKeyMetadata"]] == [
        "Active"
    ]
    provider = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=outputs["oidc"]["arn"])
    assert provider["ClientIDList"] == ["sts.amazonaws.com"]
    profile = iam.get_instance_profile(InstanceProfileName="nodes")["InstanceProfile"]
    assert [role["RoleName"].partition("-")[0] for role in profile["Roles"]] == ["base"]


def test_names_that_are_not_given_are_the_logical_name_and_seven_digits(first):
    """Automatic names look as the official plugin's do."""
    name, _, digits = first["iam"]["base"].partition("-")
    assert (name, len(digits)) == ("base", 7)
    assert int(digits, 16) >= 0


def test_the_issuer_is_kept_without_its_scheme(first):
    """A provider's url output has no https://, and its ARN ends with it."""
    provider = first["iam"]["oidc"]
    assert provider["url"] == (ISSUER + "1").removeprefix("https://")
    assert provider["arn"].endswith(f":oidc-provider/{provider['url']}")


def test_secrets_stay_secret(life, first):
    """The secret of an access key is nowhere in the state in clear."""
    secret = first["iam"]["secret"]
    assert len(secret) >= 30
    assert secret not in life[1]["checkpoint"]
    assert first["iam"]["key"] in life[1]["checkpoint"]


def test_outputs_are_what_aws_says(first, aws):
    """ARNs, ids and names lead to what boto3 finds."""
    outputs = first["network"]
    [vpc] = aws("ec2").describe_vpcs(VpcIds=[outputs["vpc"]["id"]])["Vpcs"]
    assert outputs["vpc"]["arn"] == f"arn:aws:ec2:ap-northeast-1:{vpc['OwnerId']}:vpc/{vpc['VpcId']}"
    assert outputs["vpc"]["table"].startswith("rtb-")
    assert outputs["bucket"]["arn"] == "arn:aws:s3:::lab-one"
    assert outputs["bucket"]["host"] == "lab-one.s3.ap-northeast-1.amazonaws.com"
    assert outputs["named"] in {bucket["Name"] for bucket in aws("s3").list_buckets()["Buckets"]}
    assert outputs["named"].startswith("named-")


def test_outputs_and_functions_lead_to_the_cluster(life, first, aws):
    """Issuer, CA and token are those of the cluster that AWS describes."""
    outputs = first["eks"]
    cluster = aws("eks").describe_cluster(name="plain")["cluster"]
    assert outputs["issuer"] == outputs["found"]["issuer"] == cluster["identity"]["oidc"]["issuer"]
    assert outputs["certificate"] == cluster["certificateAuthority"]["data"]
    assert outputs["found"]["vpc"] == cluster["resourcesVpcConfig"]["vpcId"]
    assert outputs["token"].startswith("k8s-aws-v1.")
    assert outputs["token"] not in life[1]["checkpoint"]
    assert set(outputs["clusters"]) <= {"plain", "regions"}


@pytest.mark.parametrize("name", sorted(UPDATED))
def test_what_can_be_changed_is_updated_in_place(changed, name):
    """An update names exactly the properties that differ."""
    step = changed[0][name]
    assert step.operation == "update"
    assert {path.split(".")[0] for path in step.differences} == UPDATED[name]


def test_the_changes_of_iam_are_there(changed, aws):
    """boto3 sees the second version: changed, added and removed settings and tags."""
    iam = aws("iam")
    role = iam.get_role(RoleName="named")["Role"]
    assert role["Description"] == "second"
    assert role["MaxSessionDuration"] == 7200
    assert "PermissionsBoundary" not in role
    assert {tag["Key"]: tag["Value"] for tag in role["Tags"]} == {"stage": "two", "kept": "yes"}
    outputs = changed[1]["iam"]
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


def test_the_changes_of_ec2_and_s3_are_there(changed, aws):
    """boto3 sees the second version of rules, template and tags."""
    ec2, outputs = aws("ec2"), changed[1]["network"]
    found = ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [outputs["group"]]}])
    ports = {rule.get("ToPort") for rule in found["SecurityGroupRules"] if not rule["IsEgress"]}
    assert ports == {80, 444}
    assert len([rule for rule in found["SecurityGroupRules"] if rule["IsEgress"]]) == 1
    versions = ec2.describe_launch_template_versions(LaunchTemplateId=outputs["template"]["id"], Versions=["$Latest"])
    [version] = versions["LaunchTemplateVersions"]
    assert version["LaunchTemplateData"]["MetadataOptions"]["HttpPutResponseHopLimit"] == 2
    assert version["VersionNumber"] == outputs["template"]["version"] == 2
    assert aws("s3").get_bucket_tagging(Bucket="lab-one")["TagSet"] == [{"Key": "stage", "Value": "two"}]


def test_the_changes_of_eks_are_there(changed, aws):
    """boto3 sees the second version."""
    eks = aws("eks")
    cluster = eks.describe_cluster(name="plain")["cluster"]
    assert cluster["accessConfig"]["authenticationMode"] == "API"
    assert cluster["tags"] == {"stage": "two"}
    [group] = eks.list_nodegroups(clusterName="plain")["nodegroups"]
    nodes = eks.describe_nodegroup(clusterName="plain", nodegroupName=group)["nodegroup"]
    assert nodes["labels"] == {"stage": "two"}
    assert nodes["scalingConfig"]["desiredSize"] == 2


@pytest.fixture(scope="module")
def answers(changed):
    """What the second version looked up."""
    return changed[1]["lookups"]


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


def in_regions(steps):
    return {name: steps[name].operation for name in region_program.NAMES}


def test_naming_the_region_that_a_resource_is_in_changes_nothing(changed):
    """Neither shown as a change nor as a replacement."""
    assert in_regions(changed[0]) == dict.fromkeys(region_program.NAMES, "same")


@pytest.mark.parametrize("name", sorted(REPLACED))
def test_what_cannot_be_changed_is_replaced_and_the_cause_is_named(replaced, name):
    """A replacement says which property made it necessary."""
    steps, _ = replaced
    assert f"{name} create-replacement" in steps
    assert sorted(steps[name].replaced_for) == REPLACED[name]


def test_the_region_is_an_output(life, first, replaced):
    """That of the provider, where the program names none; the one that it names after that."""
    made, moved = life[1]["state"], life[0].resources()
    assert {made[name]["outputs"]["region"] for name in region_program.NAMES} == {HERE}
    assert {moved[name]["outputs"]["region"] for name in region_program.NAMES} == {THERE}
    assert f":{HERE}:" in first["regions"]["group"]


def test_another_region_replaces(replaced, aws):
    """Nothing is left in the first region, and functions answer about the second."""
    steps, outputs = replaced
    assert in_regions(steps) == dict.fromkeys(region_program.NAMES, "replace")
    assert steps["far-cluster"].replaced_for == ["region"]
    assert aws("eks").list_clusters()["clusters"] == ["plain"]
    assert all(f":{THERE}:" in outputs["regions"][name] for name in ("group", "cluster"))


@pytest.fixture(scope="module")
def imported(life, replaced, new_history):
    """How another stack took over what can be imported, by service: each resource's operation."""
    made = life[0].resources()
    ids = {name: import_id(each) for name, each in made.items() if is_imported(name, each["type"])}

    async def adopt(args):
        if args.name not in ids:
            return pulumi.ResourceTransformResult(not_twice(args.name, args.props), args.opts)
        kept = pulumi.ResourceOptions(import_=ids[args.name], retain_on_delete=True)
        props = {**chosen_names(made[args.name]["outputs"]), **args.props}
        return pulumi.ResourceTransformResult(props, pulumi.ResourceOptions.merge(args.opts, kept))

    def importing(version):
        pulumi.runtime.register_resource_transform(adopt)
        for service in SERVICES:
            service.program(version)

    steps = new_history(importing, name="adopted", destroyed=False).up(3)
    return {name: (TABLE[made[name]["type"]].service, steps[name].operation) for name in ids}


def operations(imported, *services):
    return {operation for service, operation in imported.values() if service in services}


def test_an_import_of_everything_finds_no_difference(imported):
    """What one stack made, another takes over by its import ids, without a change."""
    assert operations(imported, "iam", "eks") == {"import"}


def test_an_import_of_networks_and_buckets_finds_no_difference(imported):
    """What one stack made, another takes over by its ids, without a change."""
    assert operations(imported, "ec2", "s3") == {"import"}


def is_imported(name, kind):
    """Whether it is of the services' programs, and of a type that can be imported."""
    return kind in TABLE and not TABLE[kind].no_import and not name.startswith(("far-", "found"))


def import_id(resource):
    outputs = resource["outputs"]
    kind = resource["type"].rsplit(":", 1)[-1]
    if kind == "AccessKey":
        return f"{outputs['user']}/{resource['id']}"
    if kind == "PodIdentityAssociation":
        return f"{outputs['clusterName']},{resource['id']}"
    return resource["id"]


def chosen_names(outputs):
    """The names that the engine would make up anew."""
    return {key: outputs[key] for key in ("name", "bucket", "nodeGroupName", "fargateProfileName") if key in outputs}


def not_twice(name, props):
    """The inputs of what cannot be imported, so that it does not clash with the one that is there."""
    return {**props, "fromPort": 81, "toPort": 81} if name == "rule" else props


def test_iam_has_no_regions(life):
    """The argument is refused, as the official plugin's schema refuses it."""
    with pytest.raises(automation.CommandError, match="aws:iam/role:Role has no property region"):
        life[0].preview(4)
