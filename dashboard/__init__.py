"""The tenant's web pages."""
