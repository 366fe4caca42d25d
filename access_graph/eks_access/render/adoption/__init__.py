"""The files of an adoption."""
