"""The project's end-to-end scenarios, as steps that the vendors' own clients run.

The demo prints the steps, the tests assert them. No step relies on the library's own code for its result: every result
comes from aws, kubectl or the engine.
"""
