"""Hosts, flavors, placement and hypervisors."""
