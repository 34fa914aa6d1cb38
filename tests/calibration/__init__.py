"""What the gate promises, measured in worlds whose true differences are known.

`python -m tests.calibration` runs the full size and writes a report; `pytest tests/calibration`
runs the reduced size.
"""
