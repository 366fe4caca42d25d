"""Program with the components of the config on clusters of different regions and accounts."""

import json

import pulumi
import pulumi_aws as aws
import pulumi_kubernetes as k8s

import eks_identity as eks

config = json.loads(pulumi.Config().require("config"))


def without_region(args):
    props = {key: value for key, value in args.props.items() if key != "region"}
    return pulumi.ResourceTransformResult(props, args.opts) if args.type_.startswith("aws:eks/") else None


def kubernetes(name):
    key, _, suffix = name.partition(" by ")
    if not suffix:
        return clusters[key].provider
    text = clusters[key].kubeconfig
    if suffix == "tunnel":
        text = text.apply(lambda text: text.replace("127.0.0.1", "localhost"))
    return k8s.Provider(f"{key}-{suffix}", kubeconfig=text)


providers = {key: aws.Provider(key, **settings) for key, settings in config["providers"].items()}
clusters = {
    key: eks.Cluster(key, {"name": "both"}, pulumi.ResourceOptions(provider=providers.get(key)))
    for key in config["clusters"]
}
for name, component in config["components"].items():
    passed = [providers[component["aws"]]] if "aws" in component else []
    passed += [kubernetes(component["kubernetes"])] if "kubernetes" in component else []
    transforms = [without_region] if config.get("without_region") else []
    options = pulumi.ResourceOptions(providers=passed, transforms=transforms)
    args = {"cluster": clusters[component["cluster"]].connection, **component["args"]}
    getattr(eks, component["kind"])(name, args, options)
