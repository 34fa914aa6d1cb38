"""Where improvements are paid: the contract, its clients and the embedded local chain.

Nothing is imported here, so that plain values such as `chain.improvement.Improvement` load
without web3.
"""
