"""A policy pack for Pulumi: the rules of `eks_access` on the resources of an update.

| module             | what it has                                             |
|--------------------|---------------------------------------------------------|
| `engine_resources` | resources of the engine as those of the graph           |
| `related`          | which resources a rule reads together                   |
| `analysis`         | the graphs of related resources, and of all             |
| `previous_state`   | the state before the update                             |
| `stack_settings`   | exceptions in the settings of the stack                 |
| `pack`             | the policies                                            |
"""

from eks_policies.pack import run_policy_pack

__all__ = ["run_policy_pack"]
