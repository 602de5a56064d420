"""The engine of backups, without a database: blocks, chunks, manifests; taking, restoring, proving, collecting."""
