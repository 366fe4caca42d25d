"""Resources of IAM, EC2, S3 and EKS in the lab's aws plugin: create, update, replace, import and delete by the engine.

Each run of the engine takes seconds, so one stack has the programs of all services and goes through each step once.
The tests of a step are next to each other, because they read AWS in the state after that step.
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
from region_program import OTHER_REGION, PROVIDER_REGION

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
    for name, module in PROGRAMS.items():
        pulumi.export(name, module.program(version))


@pytest.fixture(scope="module")
def lifecycle(new_history):
    """The stack, and the results of its first update, a second update and a refresh."""
    history = new_history(program)
    history.up(1)
    results = {"outputs": history.outputs, "second_update": history.up(1), "refresh": history.refresh()}
    results |= {"state": history.resources(), "checkpoint": history.checkpoint()}
    return history, results


@pytest.fixture(scope="module")
def first(lifecycle):
    """The outputs of the first update, by program."""
    return lifecycle[1]["outputs"]


@pytest.fixture(scope="module")
def changed(lifecycle):
    """The steps of the second version, and its outputs."""
    return lifecycle[0].up(2), lifecycle[0].outputs


@pytest.fixture(scope="module")
def replaced(lifecycle, changed):
    """The steps of the third version, and its outputs."""
    return lifecycle[0].up(3), lifecycle[0].outputs


def test_every_resource_type_has_no_changes_after_create(lifecycle):
    """The engine creates each type of the table, and a second update and a refresh have no changes."""
    assert {resource["type"] for resource in lifecycle[1]["state"].values()} >= TYPES
    assert {step.operation for step in lifecycle[1]["second_update"].values()} == {"same"}
    assert {step.operation for step in lifecycle[1]["refresh"].values()} <= {"refresh", "same"}


def test_every_iam_type_is_in_the_program(lifecycle):
    """The program declares each IAM type of the table."""
    types = {resource["type"] for resource in lifecycle[1]["state"].values()}
    assert types >= {row.type for row in TABLE.values() if row.service == "iam"}


def test_second_update_of_aws_resources_changes_nothing(lifecycle):
    """A second update with the same inputs has no changes."""
    assert {step.operation for step in lifecycle[1]["second_update"].values()} == {"same"}


def test_refresh_of_aws_resources_changes_nothing(lifecycle):
    """Read returns the same properties as create."""
    assert {step.operation for step in lifecycle[1]["refresh"].values()} <= {"refresh", "same"}


def test_created_iam_resources_are_in_iam(first, aws):
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


def test_automatic_names_are_the_logical_name_and_seven_digits(first):
    """Automatic names have the format of the official plugin."""
    name, _, digits = first["iam"]["base"].partition("-")
    assert (name, len(digits)) == ("base", 7)
    assert int(digits, 16) >= 0


def test_oidc_provider_url_has_no_scheme(first):
    """The url output of an OIDC provider has no https://, and its ARN ends with it."""
    provider = first["iam"]["oidc"]
    assert provider["url"] == (ISSUER + "1").removeprefix("https://")
    assert provider["arn"].endswith(f":oidc-provider/{provider['url']}")


def test_access_key_secret_is_encrypted_in_the_state(lifecycle, first):
    """The state contains the access key's secret only encrypted."""
    secret = first["iam"]["secret"]
    assert len(secret) >= 30
    assert secret not in lifecycle[1]["checkpoint"]
    assert first["iam"]["key"] in lifecycle[1]["checkpoint"]


def test_network_and_bucket_outputs_equal_aws(first, aws):
    """ARNs, ids and names in the outputs are those of AWS."""
    outputs = first["network"]
    [vpc] = aws("ec2").describe_vpcs(VpcIds=[outputs["vpc"]["id"]])["Vpcs"]
    assert outputs["vpc"]["arn"] == f"arn:aws:ec2:ap-northeast-1:{vpc['OwnerId']}:vpc/{vpc['VpcId']}"
    assert outputs["vpc"]["table"].startswith("rtb-")
    assert outputs["bucket"]["arn"] == "arn:aws:s3:::lab-one"
    assert outputs["bucket"]["host"] == "lab-one.s3.ap-northeast-1.amazonaws.com"
    assert outputs["named"] in {bucket["Name"] for bucket in aws("s3").list_buckets()["Buckets"]}
    assert outputs["named"].startswith("named-")


def test_cluster_outputs_and_functions_equal_aws(lifecycle, first, aws):
    """Issuer, certificate authority and token are those of the cluster that AWS describes."""
    outputs = first["eks"]
    cluster = aws("eks").describe_cluster(name="plain")["cluster"]
    assert outputs["issuer"] == outputs["looked_up"]["issuer"] == cluster["identity"]["oidc"]["issuer"]
    assert outputs["certificate"] == cluster["certificateAuthority"]["data"]
    assert outputs["looked_up"]["vpc"] == cluster["resourcesVpcConfig"]["vpcId"]
    assert outputs["token"].startswith("k8s-aws-v1.")
    assert outputs["token"] not in lifecycle[1]["checkpoint"]
    assert set(outputs["clusters"]) <= {"plain", "regions"}


@pytest.mark.parametrize("name", sorted(UPDATED))
def test_changed_properties_are_updated_in_place(changed, name):
    """An update lists exactly the changed properties."""
    step = changed[0][name]
    assert step.operation == "update"
    assert {path.split(".")[0] for path in step.differences} == UPDATED[name]


def test_updated_iam_resources_are_in_iam(changed, aws):
    """IAM has the changed, added and removed properties and tags of the second version."""
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


def test_updated_network_and_buckets_are_in_aws(changed, aws):
    """EC2 and S3 have the security group rules, launch template and tags of the second version."""
    ec2, outputs = aws("ec2"), changed[1]["network"]
    rules = ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [outputs["group"]]}])[
        "SecurityGroupRules"
    ]
    ports = {rule.get("ToPort") for rule in rules if not rule["IsEgress"]}
    assert ports == {80, 444}
    assert len([rule for rule in rules if rule["IsEgress"]]) == 1
    versions = ec2.describe_launch_template_versions(LaunchTemplateId=outputs["template"]["id"], Versions=["$Latest"])
    [version] = versions["LaunchTemplateVersions"]
    assert version["LaunchTemplateData"]["MetadataOptions"]["HttpPutResponseHopLimit"] == 2
    assert version["VersionNumber"] == outputs["template"]["version"] == 2
    assert aws("s3").get_bucket_tagging(Bucket="lab-one")["TagSet"] == [{"Key": "stage", "Value": "two"}]


def test_updated_eks_resources_are_in_eks(changed, aws):
    """EKS has the cluster and node group of the second version."""
    eks = aws("eks")
    cluster = eks.describe_cluster(name="plain")["cluster"]
    assert cluster["accessConfig"]["authenticationMode"] == "API"
    assert cluster["tags"] == {"stage": "two"}
    [group] = eks.list_nodegroups(clusterName="plain")["nodegroups"]
    nodes = eks.describe_nodegroup(clusterName="plain", nodegroupName=group)["nodegroup"]
    assert nodes["labels"] == {"stage": "two"}
    assert nodes["scalingConfig"]["desiredSize"] == 2


@pytest.fixture(scope="module")
def lookups(changed):
    """The results of the functions in the second version."""
    return changed[1]["lookups"]


def test_functions_return_the_caller(lookups, cloud):
    """Partition, region, account and availability zones are those of the session."""
    assert lookups["partition"]["dns_suffix"] == "amazonaws.com"
    assert lookups["region"]["region"] == lookups["region"]["name"] == "ap-northeast-1"
    assert "Tokyo" in lookups["region"]["description"]
    assert lookups["caller"]["account_id"] == cloud.account
    assert lookups["caller"]["arn"].endswith(":user/lab-admin")
    assert "ap-northeast-1a" in lookups["zones"]["names"]
    assert lookups["principal"]["name"] == "eks.amazonaws.com"


def test_functions_look_up_iam_resources(lookups):
    """Roles, users, OIDC providers and policies are looked up by name, URL or ARN."""
    assert lookups["role"]["arn"].endswith(":role/lookup")
    assert lookups["user"]["arn"].endswith(":user/team/lookup-user")
    assert lookups["oidc by url"]["arn"] == lookups["oidc by arn"]["arn"]
    assert lookups["oidc by arn"]["client_id_lists"] == ["sts.amazonaws.com"]
    assert json.loads(lookups["policy"]["policy"])["Statement"]
    assert lookups["session"]["issuer_arn"] == lookups["role"]["arn"]
    assert lookups["session"]["session_name"] == "me"


def test_resource_tags_override_default_tags(lookups, aws):
    """AWS has the provider's default tags, overridden by tags of the resource."""
    tags = aws("iam").list_role_tags(RoleName="lookup")["Tags"]
    assert {tag["Key"]: tag["Value"] for tag in tags} == {"project": "lab", "a": "b"}


def test_functions_look_up_subnets_by_filter(lookups, aws):
    """The filter returns the subnets of the default VPC."""
    subnets = aws("ec2").describe_subnets(Filters=[{"Name": "vpc-id", "Values": [lookups["vpc"]["id"]]}])["Subnets"]
    assert sorted(lookups["subnets"]["ids"]) == sorted(subnet["SubnetId"] for subnet in subnets)


def test_policy_document_function_returns_valid_json(lookups):
    """Lists of one item become strings, conditions merge by operator, and &{ becomes ${."""
    trust, deny = json.loads(lookups["document"]["json"])["Statement"]
    assert trust["Action"] == "sts:AssumeRoleWithWebIdentity"
    assert trust["Principal"] == {"Federated": lookups["oidc by arn"]["arn"]}
    assert trust["Condition"] == {
        "StringEquals": {"issuer:aud": "sts.amazonaws.com"},
        "StringLike": {"issuer:sub": ["a:${aws:username}", "b"]},
    }
    assert deny["Sid"] == "All"
    assert sorted(deny["Action"]) == ["s3:Get*", "s3:Put*"]
    assert json.loads(lookups["document"]["minified_json"]) == json.loads(lookups["document"]["json"])


def in_regions(steps):
    return {name: steps[name].operation for name in region_program.NAMES}


def test_region_equal_to_the_current_one_changes_nothing(changed):
    """Setting the region of an existing resource to its own region is no change."""
    assert in_regions(changed[0]) == dict.fromkeys(region_program.NAMES, "same")


@pytest.mark.parametrize("name", sorted(REPLACED))
def test_immutable_properties_cause_a_replacement(replaced, name):
    """A replacement lists the properties that require it."""
    steps, _ = replaced
    assert f"{name} create-replacement" in steps
    assert sorted(steps[name].replaced_for) == REPLACED[name]


def test_region_is_an_output(lifecycle, first, replaced):
    """The region output is the provider's by default, and after the replacement the region of the program."""
    created, moved = lifecycle[1]["state"], lifecycle[0].resources()
    assert {created[name]["outputs"]["region"] for name in region_program.NAMES} == {PROVIDER_REGION}
    assert {moved[name]["outputs"]["region"] for name in region_program.NAMES} == {OTHER_REGION}
    assert f":{PROVIDER_REGION}:" in first["regions"]["group"]


def test_another_region_causes_a_replacement(replaced, aws):
    """The resources of the first region are deleted, and functions return resources of the second."""
    steps, outputs = replaced
    assert in_regions(steps) == dict.fromkeys(region_program.NAMES, "replace")
    assert steps["far-cluster"].replaced_for == ["region"]
    assert aws("eks").list_clusters()["clusters"] == ["plain"]
    assert all(f":{OTHER_REGION}:" in outputs["regions"][name] for name in ("group", "cluster"))


@pytest.fixture(scope="module")
def imported(lifecycle, replaced, new_history):
    """Service and operation of each resource that another stack imports."""
    created = lifecycle[0].resources()
    ids = {name: import_id(resource) for name, resource in created.items() if is_imported(name, resource["type"])}

    async def adopt(args):
        if args.name not in ids:
            return pulumi.ResourceTransformResult(without_conflict(args.name, args.props), args.opts)
        options = pulumi.ResourceOptions(import_=ids[args.name], retain_on_delete=True)
        props = {**automatic_names(created[args.name]["outputs"]), **args.props}
        return pulumi.ResourceTransformResult(props, pulumi.ResourceOptions.merge(args.opts, options))

    def importing(version):
        pulumi.runtime.register_resource_transform(adopt)
        for service in SERVICES:
            service.program(version)

    steps = new_history(importing, name="adopted", destroyed=False).up(3)
    return {name: (TABLE[created[name]["type"]].service, steps[name].operation) for name in ids}


def operations(imported, *services):
    return {operation for service, operation in imported.values() if service in services}


def test_import_of_iam_and_eks_resources_has_no_difference(imported):
    """Another stack imports the resources by their import ids without a change."""
    assert operations(imported, "iam", "eks") == {"import"}


def test_import_of_network_and_bucket_resources_has_no_difference(imported):
    """Another stack imports the resources by their ids without a change."""
    assert operations(imported, "ec2", "s3") == {"import"}


def is_imported(name, kind):
    """Return whether the resource is of the services' programs, and its type can be imported."""
    return kind in TABLE and not TABLE[kind].no_import and not name.startswith(("far-", "lookup"))


def import_id(resource):
    outputs = resource["outputs"]
    kind = resource["type"].rsplit(":", 1)[-1]
    if kind == "AccessKey":
        return f"{outputs['user']}/{resource['id']}"
    if kind == "PodIdentityAssociation":
        return f"{outputs['clusterName']},{resource['id']}"
    return resource["id"]


def automatic_names(outputs):
    """Return the automatic names, which the engine would generate again."""
    return {key: outputs[key] for key in ("name", "bucket", "nodeGroupName", "fargateProfileName") if key in outputs}


def without_conflict(name, props):
    """Return inputs of a resource without import that do not conflict with the existing one."""
    return {**props, "fromPort": 81, "toPort": 81} if name == "rule" else props


def test_iam_resources_reject_a_region(lifecycle):
    """The plugin rejects the region of an IAM resource, as the official plugin does."""
    with pytest.raises(automation.CommandError, match="aws:iam/role:Role has no property region"):
        lifecycle[0].preview(4)
