"""A policy pack for Pulumi: the rules of `eks_access` on the resources of an update.

engine_resources   resources of the engine as those of the graph
analysis           the graphs of the resources so far, and what a resource adds
previous_state     the state before the update
stack_settings     exceptions in the settings of the stack
pack               the policies
"""

from eks_policies.pack import run_policy_pack

__all__ = ["run_policy_pack"]
