"""What a shelf may be; only what is not at work on it may be deleted."""

BUILDING, READY, ERROR = "BUILDING", "READY", "ERROR"
