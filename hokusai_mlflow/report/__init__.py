"""What people read: one object, rendered for terminal and Markdown."""
