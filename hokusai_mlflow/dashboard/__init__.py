"""Where people look: pages beside MLflow's own, and the same pages as files."""
