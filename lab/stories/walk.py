"""The one walk through both stories: who looks when, and what `pulumi up` changes in between."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from lab.stories import people, pods, settings
from lab.stories.step import Step, Walk
from lab.stories.world import World

first_up = Walk(1)
second_up = Walk(1)
third_up = Walk(1)


def prepare(world: World) -> None:
    """What both stories find when they begin."""
    with ThreadPoolExecutor(max_workers=2) as both:
        for prepared in [both.submit(people.prepare, world), both.submit(pods.prepare, world)]:
            prepared.result()


@first_up.step("pulumi up of the lab stack", seen_with="engine", expected="succeeded")
def up(world: World) -> str:
    return _result(world.pipeline("up", settings.adopting(world.settings())))


@first_up.step("pulumi up again", seen_with="engine", expected="succeeded, no changes")
def up_again(world: World) -> str:
    report = world.pipeline("up", settings.adopting(world.settings()))
    return f"{_result(report)}, {len(report['changes']) or 'no'} changes"


@second_up.step("pulumi up, mapping taken out, Pod Identity", seen_with="engine", expected="succeeded")
def up_without_mapping(world: World) -> str:
    return _result(
        world.pipeline("up", settings.by_pod_identity(settings.unmapped(settings.adopting(world.settings()))))
    )


@third_up.step("the cluster takes access entries too", seen_with="aws eks", expected="API_AND_CONFIG_MAP")
def change_mode(world: World) -> str:
    wanted = "authenticationMode=API_AND_CONFIG_MAP"
    world.aws("eks", "update-cluster-config", "--name", people.CLUSTER, "--access-config", wanted)
    world.aws("eks", "wait", "cluster-active", "--name", people.CLUSTER)
    query = ("--query", "cluster.accessConfig.authenticationMode", "--output", "text")
    return world.aws("eks", "describe-cluster", "--name", people.CLUSTER, *query).stdout.strip()


@third_up.step("pulumi up, by access entry", seen_with="engine", expected="succeeded")
def up_with_access_entry(world: World) -> str:
    changed = settings.by_access_entry(settings.by_pod_identity(settings.adopting(world.settings())))
    return _result(world.pipeline("up", changed))


STEPS: list[Step] = [
    step
    for walk in (
        people.before,
        pods.before,
        first_up,
        people.after,
        pods.after,
        pods.refusals,
        people.mapped_twice,
        second_up,
        people.unmapped,
        pods.by_pod_identity,
        third_up,
        people.by_access_entry,
        pods.destroyed,
    )
    for step in walk.steps
]


def _result(report: dict[str, object]) -> str:
    diagnostics = report["diagnostics"]
    return str(report["result"]) if report["result"] == "succeeded" else f"{report['result']}: {diagnostics}"
