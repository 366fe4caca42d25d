"""How often the library parses one input of a WorkloadIdentity, from the args to the registered resources."""

import pulumi
import pytest

import eks_identity as eks
from eks_identity.model.arns import Principal
from eks_identity.model.issuers import Provider
from support.component_program import ACCOUNT, deploy, provider_arn

ROLE_ARN = f"arn:aws:iam::{ACCOUNT}:role/team/reader"
TARGET_ARN = "arn:aws:iam::444455556666:role/target"


@pytest.fixture
def parsed(monkeypatch):
    """The ARNs that `Principal.parse` and `Provider.parse` were called with."""
    arns = []

    def count(type_):
        parse = type_.parse.__func__

        def counted(cls, text):
            arns.append(text)
            return parse(cls, text)

        monkeypatch.setattr(type_, "parse", classmethod(counted))

    count(Principal)
    count(Provider)
    return arns


def declare(connection, **args):
    def program():
        import pulumi_kubernetes as k8s  # noqa: PLC0415 - as a program imports it

        options = pulumi.ResourceOptions(providers=[k8s.Provider("clu", kubeconfig=connection["kubeconfig"])])
        pods = {"namespace": "default", "service_account": "reader"}
        more = [{"namespace": "default", "name": f"reader-{number}"} for number in range(3)]
        resolved = {key: value() if callable(value) else value for key, value in args.items()}
        eks.WorkloadIdentity(
            "reader", {"cluster": connection, **pods, "more_service_accounts": more, **resolved}, options
        )

    return program


@pytest.mark.parametrize("preview", [True, False])
def test_workload_identity_parses_the_oidc_provider_arn_once(connection, parsed, preview):
    """For the trust policy of four service accounts and the check of the aws provider's account together."""
    deploy(declare(connection, oidc_provider_arn=provider_arn()), preview=preview)
    assert parsed.count(provider_arn()) == 1


@pytest.mark.parametrize("preview", [True, False])
def test_workload_identity_parses_an_existing_role_arn_once(connection, parsed, preview):
    """For four annotations, the outputs, and the comparison with the roles of the same program together."""
    deploy(declare(connection, oidc_provider_arn=provider_arn(), role_arn=ROLE_ARN), preview=preview)
    assert sorted(parsed) == sorted([provider_arn(), ROLE_ARN])


@pytest.mark.parametrize("preview", [True, False])
def test_workload_identity_parses_the_role_arns_of_associations_once(connection, parsed, preview):
    """For four associations, the accounts of the roles, and the comparison with the roles of the same program."""
    args = {"mode": "pod-identity", "role_arn": ROLE_ARN, "target_role_arn": TARGET_ARN}
    deploy(declare(connection, **args), preview=preview)
    assert sorted(parsed) == sorted([ROLE_ARN, TARGET_ARN])


def test_workload_identity_parses_role_arns_of_outputs_once(connection, parsed):
    """Outputs of another resource, resolved in the update."""
    args = {"mode": "pod-identity", "role_arn": ROLE_ARN, "target_role_arn": TARGET_ARN}
    late = {key: (lambda value=value: pulumi.Output.from_input(value)) for key, value in args.items() if key != "mode"}
    deploy(declare(connection, mode="pod-identity", **late))
    assert sorted(parsed) == sorted([ROLE_ARN, TARGET_ARN])


def test_workload_identities_parse_the_oidc_provider_arn_of_an_output_once_together(connection, parsed):
    """A thousand components of a cluster may have the same Output."""

    def program():
        import pulumi_kubernetes as k8s  # noqa: PLC0415 - as a program imports it

        options = pulumi.ResourceOptions(providers=[k8s.Provider("clu", kubeconfig=connection["kubeconfig"])])
        args = {
            "cluster": connection,
            "namespace": "default",
            "oidc_provider_arn": pulumi.Output.from_input(provider_arn()),
        }
        for name in ("one", "two", "three"):
            eks.WorkloadIdentity(name, {**args, "service_account": name}, options)

    deploy(program)
    assert parsed.count(provider_arn()) == 1
