"""The control plane's side of guests: who they are, their letters, and what they say."""
