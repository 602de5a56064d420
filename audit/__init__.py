"""Who changed what, from where, and how it ended: the records of cloudweb/audit.py, kept and shown."""
