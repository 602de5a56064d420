"""Networks on the wire."""
