"""The operations on a stack. Each is the module of its name, with a function `run`."""
