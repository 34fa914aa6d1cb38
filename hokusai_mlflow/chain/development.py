"""What tells a development chain from one where payments are worth something."""

LOCAL_CHAIN_ID = 31_337
"""The chain id that development chains have by custom."""

DEVELOPMENT_NOTE = "development chain: what it pays is worth nothing"
"""Said wherever somebody could take such a chain for a public one."""
