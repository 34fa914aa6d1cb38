"""Drawings as inline SVG, and as letters where there are no drawings."""
