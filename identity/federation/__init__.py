"""Users whom someone else vouches for: mapping rules, providers, their tokens."""
