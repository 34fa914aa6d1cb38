"""A promoted model on fresh labels: how its inputs drift, whether it still holds, what is done."""
