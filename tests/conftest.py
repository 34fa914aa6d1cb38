"""Settings that hold for every test."""

from hypothesis import settings

# How long an example takes says more about the machine than about the code; timings are for
# benchmarks.
settings.register_profile("hokusai", deadline=None, print_blob=True)
settings.load_profile("hokusai")
