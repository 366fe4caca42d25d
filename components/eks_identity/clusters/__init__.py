"""Clusters to declare identity on, new ones and those that are there."""
