"""Why others believe an improvement: attestations that the contract checks."""
