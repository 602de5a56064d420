"""Servers: the tenant's virtual machines."""
