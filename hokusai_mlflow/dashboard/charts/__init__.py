"""Drawings as SVG elements: classes only, no styles, readable without colour."""
