"""The copies of images on a host, below all agents that build on them."""
