"""The question "does a living cluster have the access that the states of its stacks declare?"."""
