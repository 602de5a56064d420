"""Periodic tasks: managers' rung by Celery beat and run once an interval, hosts' shown and steered."""
