"""The REST API of servers, under /compute, and what guests ask, under /metadata."""
