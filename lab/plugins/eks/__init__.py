"""Stand-in for Pulumi's eks plugin: the components of pulumi-eks that this project uses, with the official children.

Names, parents and type tokens of the children are those of the official components. So a stack moves from the lab to
AWS without replacements, and aliases and transforms match.
"""
