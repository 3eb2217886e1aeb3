"""Opens files that need not be trusted: whatever is in them, the answer is an error in one line."""
