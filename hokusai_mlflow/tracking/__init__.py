"""The MLflow side: runs of attempts, the champion in the registry, what is logged."""
