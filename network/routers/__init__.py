"""Routers: what they are told to be, on which host they are, and how a host keeps them."""
