"""The pages: each reads what it shows, and says what it is rendered from."""
