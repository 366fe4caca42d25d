"""Contract of every component: options, tags, secrets and partitions apply to all of its resources."""

import inspect
import json
import re
import typing
from pathlib import Path

import pulumi
import pulumi_aws as aws
import pytest

import eks_identity as eks
from eks_identity.runtime.inputs import InvalidInputError
from eks_identity.testing import wire
from support.component_contract import SUPPORT, children, declare, each_sample, own, sample
from support.component_program import ISSUER, REGION, Cloud, cluster_facts, provider_arn
from support.sample_args import COMPONENTS, SAMPLES, at, changed, keys, places, shape_of

PACKAGE = Path(eks.__file__).parent


@each_sample
def test_resource_options_apply_to_component_and_children(name, index):
    """protect and aliases apply to the component; protect applies to its children too."""
    alias = pulumi.Alias(name="before")
    deployment = declare(name, sample(name, index), protect=True, aliases=[alias])
    itself = own(deployment, name)
    assert itself.request.aliases[0].spec.name == "before"
    for resource in [itself, *children(deployment, name)]:
        assert resource.request.protect, resource.name


@each_sample
def test_providers_apply_to_children_and_functions(name, index):
    """The aws and kubernetes providers in the options are used for all resources and provider functions."""

    def more():
        return [aws.Provider("aws", region=REGION)]

    deployment = declare(name, sample(name, index), more_providers=more)
    cluster = [resource.urn for resource in deployment.resources if resource.type == "pulumi:providers:kubernetes"]
    for child in children(deployment, name):
        if child.type.startswith("aws:"):
            assert "::aws::" in child.request.provider, child.name
        if child.type.startswith("kubernetes:"):
            assert child.request.provider.rpartition("::")[0] in cluster
    for call in deployment.cloud.calls:
        if call.token.startswith("aws:"):
            assert "::aws::" in call.provider, call.token


def taggable(type_):
    """Return whether a resource type of the aws plugin has tags."""
    service, kind = re.fullmatch(r"aws:([^/]+)/\w+:(\w+)", type_).groups()
    return "tags" in inspect.signature(getattr(getattr(aws, service), kind)._internal_init).parameters


@each_sample
def test_tags_apply_to_every_taggable_child(name, index):
    """Each AWS resource of a component that can have tags has the tags of the component."""
    args = sample(name, index)
    tags = args.get("tags") or args.get("create", {}).get("tags", {})
    tagged = [child for child in children(declare(name, args), name) if child.type.startswith("aws:")]
    tagged = [child for child in tagged if taggable(child.type)]
    if tagged:
        own_keys = {path[0] for path, _ in keys(shape_of(COMPONENTS[name]))}
        assert {"tags", "create"} & own_keys, f"{name} has no tags"
    for child in tagged:
        assert (child.inputs.get("tags") or {}).items() >= tags.items(), (child.type, child.name)


IN_PARTITIONS = {"aws-cn": ("cn-north-1", "amazonaws.com.cn"), "aws-us-gov": ("us-gov-west-1", "amazonaws.com")}


@pytest.mark.parametrize("partition", IN_PARTITIONS)
@each_sample
def test_every_component_works_in_every_partition(name, index, partition, monkeypatch):
    """In China and GovCloud all ARNs of a component are of that partition."""
    region, suffix = IN_PARTITIONS[partition]

    def moved(value):
        text = json.dumps(value).replace("arn:aws:", f"arn:{partition}:").replace(REGION, region)
        text = text.replace(".amazonaws.com/id", f".{suffix}/id").replace(
            '"partition": "aws"', f'"partition": "{partition}"'
        )
        return json.loads(text)

    sso = "role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Operators_0123456789abcdef"
    found = {"id": "x", "arns": [f"arn:{partition}:iam::111122223333:{sso}"], "names": []}
    facts = moved({**cluster_facts(), "identities": [{"oidcs": [{"issuer": ISSUER}]}]})
    cloud = Cloud(region=region, getCluster=facts, getRoles=found)
    deployment = declare(name, moved(sample(name, index)), cloud=cloud)
    for resource in (each for each in deployment.resources if each.name not in SUPPORT):
        assert "arn:aws:" not in json.dumps([resource.inputs, resource.outputs]), resource.name


def test_no_arn_has_a_literal_partition():
    """No ARN in the package begins with the name of a partition."""
    for source in PACKAGE.rglob("*.py"):
        assert not re.search(r"[\"'f]arn:aws", source.read_text()), source


def secrets():
    """Yield each input of each sample that may be an Output and whose value is unique in the sample."""
    for name, found in SAMPLES.items():
        for index, args in enumerate(found):
            for path, annotation in keys(shape_of(COMPONENTS[name])):
                for place in places(args, path):
                    if annotation == pulumi.Input[str]:
                        leaves = [place]
                    elif typing.get_args(annotation)[1:] == (pulumi.Input[str],):
                        leaves = [(*place, key) for key in at(args, place)]
                    else:
                        leaves = []
                    for leaf in leaves:
                        value = at(args, leaf)
                        if (name, leaf[-1]) == ("Addon", "oidc_provider_arn"):
                            # The trust policy is made of the connection, which says the same in the clear.
                            assert value == provider_arn(issuer=args["cluster"]["issuer"])
                        elif len(value) > 3 and json.dumps(args).count(json.dumps(value)[1:-1]) == 1:
                            yield pytest.param(name, index, leaf, id=f"{name}-{index}-{'.'.join(map(str, leaf))}")


def in_the_clear(deployment):
    """Return all unencrypted text of a deployment without the ARNs and names that AWS generates."""
    made = [text for each in deployment.resources for key, text in each.state.items() if key not in each.inputs]
    words = sorted({text for text in made if isinstance(text, str) and text}, key=len, reverse=True)
    for resource in (each for each in deployment.resources if each.name not in SUPPORT):
        outputs = wire.without_secrets(resource.registered_outputs)
        properties = json.dumps([wire.without_secrets(resource.request.object), resource.name, outputs])
        for text in words:
            properties = properties.replace(json.dumps(text)[1:-1], "")
        yield resource, properties


def names_a_child(name, place):
    """Return whether the logical name of a child contains the value at this path."""
    fields = [key for key in place if isinstance(key, str)]
    subject = name == "WorkloadIdentity" and fields[-1] in {"namespace", "service_account", "name"}
    return (
        fields[0] in {"access_policies", "policies"}
        or fields in (["principals", "arn"], ["principals", "permission_set"])
        or subject
    )


def names_an_arn(name, index, place):
    """Return whether an id or an ARN contains the value at this path."""
    fields = [key for key in place if isinstance(key, str)]
    is_name_of_cluster = fields == ["cluster", "name"] or (
        name == "Cluster" and fields == ["name"] and "create" in sample(name, index)
    )
    return is_name_of_cluster or fields == ["issuer"] or fields[-1] in {"role_name", "role_name_prefix", "path"}


@pytest.mark.parametrize(("name", "index", "place"), list(secrets()))
def test_secret_input_stays_secret(name, index, place):
    """A secret input is unencrypted nowhere: not in a child, an output or a name."""
    value = at(sample(name, index), place)

    def secret():
        return changed(sample(name, index), place, pulumi.Output.secret(value))

    if names_a_child(name, place) or names_an_arn(name, index, place):
        with pytest.raises(InvalidInputError, match="must not be a secret") as raised:
            declare(name, secret)
        assert value not in str(raised.value)
        return
    deployment = declare(name, secret)
    for resource, text in in_the_clear(deployment):
        assert json.dumps(value)[1:-1] not in text, (resource.type, resource.name, text)


@pytest.mark.parametrize("name", [name for name in COMPONENTS if "cluster" in SAMPLES[name][0]])
def test_secret_connection_stays_secret(name):
    """All outputs of another stack are secrets if one of them is: the error of the name has the fix that works."""
    args = sample(name, 0)

    def secret():
        return {**args, "cluster": secret_connection(args["cluster"])}

    def fixed():
        found = secret()
        return {**found, "cluster": {**found["cluster"], "name": pulumi.Output.unsecret(found["cluster"]["name"])}}

    for preview in (True, False):
        with pytest.raises(InvalidInputError) as raised:
            declare(name, secret, preview=preview)
        (problem,) = raised.value.problems
        assert (problem.input, problem.value) == ("cluster.name", "[secret]")
        assert "must not be a secret" in problem.rule
        assert "pass pulumi.Output.unsecret(…) of it" in problem.fix
    for resource, text in in_the_clear(declare(name, fixed)):
        for field in ("endpoint", "certificate_authority", "kubeconfig"):
            assert json.dumps(args["cluster"][field])[1:-1] not in text, (field, resource.type, resource.name, text)


def secret_connection(connection):
    return {field: pulumi.Output.secret(value) for field, value in connection.items()}
