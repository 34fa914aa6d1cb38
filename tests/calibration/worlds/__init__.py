"""Populations from which examples and two models' outputs are drawn, true difference known."""
