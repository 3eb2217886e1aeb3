"""Backends beside each other, over a recipe's first steps."""
