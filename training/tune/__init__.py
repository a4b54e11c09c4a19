"""The search for better settings of a recipe, in phases."""
