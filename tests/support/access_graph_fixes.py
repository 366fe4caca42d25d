"""Plays the commands of a fix on a hand-made graph, as AWS and Kubernetes would."""

import json
from collections.abc import Callable
from dataclasses import replace

from eks_access.findings import Fix
from eks_access.graph.aws_objects import IamPrincipal, OidcProvider, PodIdentityAssociation
from eks_access.graph.kubernetes_objects import ServiceAccount
from support.access_graphs import REGION
from support.workload_chains import CLUSTER, GraphData, provider_arn


def play(data: GraphData, fix: Fix, account: str) -> None:
    """Run the commands of a fix with credentials of an account. An unknown command or option fails."""
    assert fix.commands, f"no commands: {fix.advice}"
    for program, *arguments in fix.commands:
        if program == "kubectl":
            _kubectl(data, arguments)
        else:
            assert program == "aws"
            service, operation, *rest = arguments
            _OPERATIONS[service, operation](data, _options(rest), account)


def _options(arguments: list[str]) -> dict[str, str]:
    options: dict[str, str] = {}
    while arguments:
        name, *arguments = arguments
        assert name.startswith("--")
        has_value = bool(arguments) and not arguments[0].startswith("--")
        options[name], arguments = (arguments[0], arguments[1:]) if has_value else ("", arguments)
    return options


def _role(data: GraphData, options: dict[str, str], account: str) -> str:
    name = options["--role-name"]
    (arn,) = [arn for arn in data.principals if arn.rpartition("/")[2] == name and arn.split(":")[4] == account]
    return arn


def _update_trust(data: GraphData, options: dict[str, str], account: str) -> None:
    data.set_role(_role(data, options, account), trust_policy=json.loads(options["--policy-document"]))


def _create_role(data: GraphData, options: dict[str, str], account: str) -> None:
    arn = f"arn:aws:iam::{account}:role{options.get('--path', '/')}{options['--role-name']}"
    assert arn not in data.principals
    data.principals[arn] = IamPrincipal(arn, trust_policy=json.loads(options["--assume-role-policy-document"]))


def _put_inline(data: GraphData, options: dict[str, str], account: str) -> None:
    arn = _role(data, options, account)
    policy = {options["--policy-name"]: json.loads(options["--policy-document"])}
    data.set_role(arn, inline_policies={**data.principals[arn].inline_policies, **policy})


def _create_version(data: GraphData, options: dict[str, str], account: str) -> None:
    assert options["--set-as-default"] == ""
    assert options["--policy-arn"] in data.policies
    data.policies[options["--policy-arn"]] = json.loads(options["--policy-document"])


def _delete_inline(data: GraphData, options: dict[str, str], account: str) -> None:
    arn = _role(data, options, account)
    policies = dict(data.principals[arn].inline_policies)
    del policies[options["--policy-name"]]
    data.set_role(arn, inline_policies=policies)


def _detach(data: GraphData, options: dict[str, str], account: str) -> None:
    arn = _role(data, options, account)
    attached = data.principals[arn].attached_policies
    assert options["--policy-arn"] in attached
    data.set_role(arn, attached_policies=tuple(each for each in attached if each != options["--policy-arn"]))


def _delete_boundary(data: GraphData, options: dict[str, str], account: str) -> None:
    data.set_role(_role(data, options, account), boundary=None)


def _create_provider(data: GraphData, options: dict[str, str], account: str) -> None:
    issuer = options["--url"].removeprefix("https://")
    arn = provider_arn(issuer, account)
    data.providers[arn] = OidcProvider(arn, issuer, (options["--client-id-list"],))


def _add_client_id(data: GraphData, options: dict[str, str], account: str) -> None:
    provider = data.providers[options["--open-id-connect-provider-arn"]]
    data.providers[provider.arn] = replace(provider, audiences=(*provider.audiences, options["--client-id"]))


def _check_cluster(options: dict[str, str]) -> None:
    assert (options["--region"], options["--cluster-name"]) == (REGION, CLUSTER)


def _create_addon(data: GraphData, options: dict[str, str], account: str) -> None:
    _check_cluster(options)
    assert options["--addon-name"] == "eks-pod-identity-agent"
    data.has_agent = True


def _create_association(data: GraphData, options: dict[str, str], account: str) -> None:
    _check_cluster(options)
    key = (options["--namespace"], options["--service-account"])
    assert key not in data.associations
    data.associations[key] = PodIdentityAssociation("a-2", *key, options["--role-arn"])


def _update_association(data: GraphData, options: dict[str, str], account: str) -> None:
    _check_cluster(options)
    (key,) = [key for key, each in data.associations.items() if each.id == options["--association-id"]]
    if "--no-disable-session-tags" in options:
        data.associations[key] = replace(data.associations[key], disable_session_tags=False)
    if "--policy" in options:
        policy = json.loads(options["--policy"])
        assert "--disable-session-tags" in options
        data.associations[key] = replace(data.associations[key], session_policy=policy, disable_session_tags=True)


def _delete_association(data: GraphData, options: dict[str, str], account: str) -> None:
    _check_cluster(options)
    (key,) = [key for key, each in data.associations.items() if each.id == options["--association-id"]]
    del data.associations[key]


_OPERATIONS: dict[tuple[str, str], Callable[[GraphData, dict[str, str], str], None]] = {
    ("iam", "update-assume-role-policy"): _update_trust,
    ("iam", "create-role"): _create_role,
    ("iam", "put-role-policy"): _put_inline,
    ("iam", "create-policy-version"): _create_version,
    ("iam", "delete-role-policy"): _delete_inline,
    ("iam", "detach-role-policy"): _detach,
    ("iam", "delete-role-permissions-boundary"): _delete_boundary,
    ("iam", "create-open-id-connect-provider"): _create_provider,
    ("iam", "add-client-id-to-open-id-connect-provider"): _add_client_id,
    ("eks", "create-addon"): _create_addon,
    ("eks", "create-pod-identity-association"): _create_association,
    ("eks", "update-pod-identity-association"): _update_association,
    ("eks", "delete-pod-identity-association"): _delete_association,
}


def _kubectl(data: GraphData, arguments: list[str]) -> None:
    flag, namespace, *verb = arguments
    assert flag == "-n"
    match verb:
        case ["create", "serviceaccount", name]:
            assert (namespace, name) not in data.accounts
            data.accounts[namespace, name] = ServiceAccount(namespace, name)
        case ["annotate", "serviceaccount", name, "--overwrite", *changes]:
            annotations = dict(data.accounts[namespace, name].annotations)
            for change in changes:
                key, has_value, value = change.partition("=")
                if has_value:
                    annotations[key] = value
                else:
                    assert annotations.pop(key.removesuffix("-"), None) is not None or key.endswith("-")
            data.accounts[namespace, name] = ServiceAccount(namespace, name, annotations)
        case ["rollout", "restart", owner]:
            keys = [key for key, pod in data.pods.items() if key[0] == namespace and pod.owner == owner]
            assert keys
            for key in keys:
                # The new pod of the test has the old one's name, so that it can be traced.
                data.create_pod(key)
        case ["delete", "pod", name]:
            data.create_pod((namespace, name))
        case _:
            raise AssertionError(f"kubectl {arguments}")
