"""Program with EC2 and S3 resources: version 2 changes mutable properties, version 3 immutable ones."""

import pulumi_aws as sdk

UPDATED = {
    "vpc": {"enableDnsHostnames", "tags", "tagsAll"},
    "subnet": {"mapPublicIpOnLaunch", "tags", "tagsAll"},
    "security-group": {"tags", "tagsAll"},
    "rule": {"description"},
    "in": {"toPort"},
    "out": {"tags", "tagsAll"},
    "template": {"metadataOptions", "tags", "tagsAll"},
    "bucket": {"tags", "tagsAll"},
}
REPLACED = {
    "security-group": ["description"],
    "rule": ["cidrBlocks", "securityGroupId"],
    "in": ["securityGroupId"],
    "out": ["securityGroupId"],
    "template": ["name"],
    "bucket": ["bucket"],
    "subnet": ["availabilityZone"],
}


def program(version):
    """Declare the resources and return the outputs."""
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
        "security-group",
        vpc_id=vpc.id,
        description="moved" if moved else "first",
        revoke_rules_on_delete=True,
        tags=tags,
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
    return {
        "template": {"version": template.latest_version, "id": template.id, "arn": template.arn},
        "bucket": {"arn": bucket.arn, "region": bucket.region, "host": bucket.bucket_regional_domain_name},
        "named": named.bucket,
        "group": group.id,
        "vpc": {"id": vpc.id, "arn": vpc.arn, "table": vpc.main_route_table_id},
    }
