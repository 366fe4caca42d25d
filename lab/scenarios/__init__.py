"""The stories that the project exists for, as steps that the vendor's own clients walk.

The demo prints them, the tests hold them. No step asks our own code whether it worked: what is seen comes from aws,
kubectl or the engine.
"""
