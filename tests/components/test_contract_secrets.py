"""No value that is a secret is printed or kept in plain, whichever input of a component it is, and however it fails."""

import asyncio
import functools
import json
import traceback
import typing
from typing import Any

import pulumi
import pulumi_kubernetes as k8s
import pytest
from contract import declare, sample
from pulumi_program import ISSUER, Cloud, PluginError
from samples import COMPONENTS, SAMPLES, at, changed, keys, places, shape_of

from eks_identity import cluster_api, eks_api, hooks
from eks_identity.errors import AwsError, ClusterError
from eks_identity.model.associations import Association
from eks_identity.model.aws_auth import AwsAuth
from eks_identity.people import aws_auth_store
from eks_identity.testing import wire

MARK = "zq7xmark"
NUMBER = 987654321
WRONG = [f"{MARK} (.*[ 'x\" \\\n{MARK.upper()}/\tß)!", NUMBER, [f"{MARK}_[0]"], {f"{MARK}-key": MARK}, True]
"""Secrets that no input takes: with characters of regular expressions, quotes and lines; of each type."""


def is_input(annotation):
    return typing.get_origin(annotation) is typing.Union and annotation in {
        pulumi.Input[str],
        pulumi.Input[int],
        pulumi.Input[bool],
    }


INPUTS = [
    (name, path)
    for name in COMPONENTS
    if name in SAMPLES
    for path, annotation in keys(shape_of(COMPONENTS[name]))
    if is_input(annotation)
]
MAPPINGS = [
    (name, (*path, "key"))
    for name in COMPONENTS
    if name in SAMPLES
    for path, annotation in keys(shape_of(COMPONENTS[name]))
    if typing.get_origin(annotation) is dict and is_input(typing.get_args(annotation)[1])
]
"""Mappings of names to inputs: one of their values is the secret."""


def where(name, path):
    """The first sample that has something at `path`, and its place there."""
    if path[-1] == "key":
        index, place = where(name, path[:-1])
        return index, (*place, next(iter(at(sample(name, index), place))))
    return next((index, place) for index, args in enumerate(SAMPLES[name]) for place in places(args, path))


@pytest.fixture
def printed(monkeypatch):
    """All that programs print by `pulumi.log`."""
    messages: list[str] = []
    for level in ("debug", "info", "warn", "error"):
        monkeypatch.setattr(pulumi.log, level, lambda message, *_args, **_options: messages.append(message))
    return messages


def leaks(found: Any) -> list[str]:
    """The texts of `found` that have a marked value in them."""
    text = found if isinstance(found, str) else json.dumps(found, default=str)
    return [text] if MARK in text.lower() or str(NUMBER) in text or f"{NUMBER:,}" in text else []


def in_plain(deployment):
    """What the engine would keep unencrypted of all that was registered."""
    for resource in deployment.resources:
        yield wire.in_the_clear(resource.request.object)
        if resource.registered_outputs is not None:
            yield wire.in_the_clear(resource.registered_outputs)


IDENTIFIERS = {
    "role_name": "IAM: a role's id and ARN have its name",
    "role_name_prefix": "IAM: a role's id and ARN have its name",
    "path": "IAM: a role's ARN has its path",
}
"""Secret inputs of which the aws provider puts a part into ids and ARNs, which are plain in every state."""


def found_leaks(name, args, printed, *, only_printed=False, **options):
    """Where a marked value shows when a component is declared with these args, whether it is refused or not."""
    printed.clear()
    shown: list[Any] = []
    try:
        deployment = declare(name, args, **options)
        shown += [] if only_printed else in_plain(deployment)
    except Exception as error:  # noqa: BLE001 - whatever a user would see
        shown.append("".join(traceback.format_exception(error)))
    return [leak for each in [*shown, *printed] for leak in leaks(each)]


@pytest.mark.parametrize(("name", "path"), [*INPUTS, *MAPPINGS], ids=lambda value: str(value)[:60])
def test_no_error_shows_a_secret_of_the_wrong_form(name, path, printed):
    """Whatever is wrong with a secret input, and whatever type it has, neither the error nor a warning has it."""
    index, place = where(name, path)
    # Which texts there are differs by form and not by type, so each input is given some of the types.
    others = WRONG[1:] if path[-1] in {"arn", "kubeconfig"} else (WRONG[3], NUMBER)
    for value in (WRONG[0], *others):
        args = functools.partial(lambda value: changed(sample(name, index), place, pulumi.Output.secret(value)), value)
        assert not found_leaks(name, args, printed, preview=True)


def marked(value):
    """A value of the right form, as far as that can be: the sample's, with the mark in it."""
    if not isinstance(value, str):
        return value
    return value.replace("1", MARK) if value.startswith("{") else f"{value.removesuffix('=')}{MARK}"


class Denying(Cloud):
    """AWS denies whatever it is asked, in a message that repeats the question."""

    def answer(self, function, args):
        if function in {"getPartition", "getRegion"}:
            return super().answer(function, args)
        raise PluginError(f"AccessDenied: {function} of {json.dumps(dict(args), default=str)}")


USER = "arn:aws:iam::111122223333:user/eks-ope"
NEW_INPUTS = {
    "namespace": "shop",
    "serviceAccount": "cart",
    "metadata": {"namespace": "shop", "name": "cart"},
    "clusterName": "eks-clu",
    "principalArn": USER,
    "arn": USER,
    "type": "STANDARD",
    "kubernetesGroups": ["other"],
    "assumeRolePolicy": "sts:TagSession",
    "url": ISSUER,
}
"""What the engine tells hooks of a new resource, of whatever type. Secret inputs it tells as Outputs."""
OLD = {"assumeRolePolicy": "pods.eks.amazonaws.com"}, {"arn": "arn:aws:iam::111122223333:role/cart"}
ENTRY = {"type": "STANDARD", "userName": "other", "kubernetesGroups": ["other"], "principalArn": USER}
MAPPED = f"- userarn: {USER}\n  username: other\n  groups: [other]\n"


def repeating(error):
    """Raises an error that repeats every argument."""

    def denied(*args, **options):
        raise error(f"forbidden: {[getattr(each, '__dict__', each) for each in args]} {options}")

    return denied


@pytest.fixture(params=["denied", "found"])
def hooked(request, monkeypatch, printed):
    """Runs each hook of a program: what it asks AWS and the cluster is denied, or all that it looks for exists."""
    made: list[Any] = []
    create = hooks._Asked.__init__

    def remembered(self, name):
        create(self, name)
        made.append(self)

    monkeypatch.setattr(hooks._Asked, "__init__", remembered)
    answers = {
        (eks_api.EksApi, "pod_identity_associations"): lambda *_: {"cart": "a-1", "till": "a-1"},
        (eks_api.EksApi, "pod_identity_association"): lambda self, id_: Association(
            self.name, id_, "arn:x", None, None
        ),
        (eks_api.EksApi, "pod_identity_role"): lambda *_: OLD[1]["arn"],
        (cluster_api, "listed"): lambda *_: {"cart": ["kubectl"], "looks": []},
        (aws_auth_store.AwsAuthConfigMap, "__init__"): lambda *_: None,
        (aws_auth_store.AwsAuthConfigMap, "read"): lambda *_: AwsAuth.parse({"mapUsers": MAPPED}),
    }
    for (owner, name), answer in answers.items():
        denied = repeating(AwsError if owner is eks_api.EksApi else ClusterError)
        monkeypatch.setattr(owner, name, denied if request.param == "denied" else answer)

    async def run():
        await asyncio.sleep(0)
        for _child, ask, context in [each for asked in made for asking in asked.of.values() for each in asking]:
            args = pulumi.ResourceHookArgs("urn", "id", "name", "type", NEW_INPUTS, OLD[0], None, OLD[1])
            try:
                await asyncio.create_task(hooks._asking(ask, args), context=context)
            except Exception as error:  # noqa: BLE001 - whatever a user would see
                printed.append("".join(traceback.format_exception(error)))
        made.clear()

    cloud = Denying() if request.param == "denied" else Cloud(getAccessEntry=ENTRY)
    return run, cloud


@pytest.mark.parametrize(("name", "path"), [*INPUTS, *MAPPINGS], ids=lambda value: str(value)[:60])
def test_no_error_shows_a_secret_of_the_right_form(name, path, printed, hooked):
    """Where it is denied, where all exists already or is declared twice, and where all is well, nothing shows it."""
    index, place = where(name, path)
    run, cloud = hooked
    value = marked(at(sample(name, index), place))

    def args():
        return changed(sample(name, index), place, pulumi.Output.secret(value))

    def twice():
        found = args()
        COMPONENTS[name]("first", found, pulumi.ResourceOptions(providers=[k8s.Provider("first-k8s", kubeconfig="{}")]))
        return found

    def with_hooks():
        pulumi.export("hooks", pulumi.Output.from_input("").apply(lambda _: run()))
        return args()

    leaks_to_state = path[-1] in IDENTIFIERS
    assert not found_leaks(name, twice, printed, preview=True)
    assert not found_leaks(name, with_hooks, printed, cloud=cloud, only_printed=leaks_to_state)
