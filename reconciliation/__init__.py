"""Differences between what the cloud has written down and what its hosts have, found, shown and healed."""
