"""Stand-in for Pulumi's eks plugin: the components of pulumi-eks that this project uses, with the official children.

Names, parents and tokens of the children are those of the official components, so that a stack moves from the lab to
AWS without a single replacement being planned for its sake, and so that aliases and transforms find what they look for.
"""
