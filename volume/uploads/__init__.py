"""What a host does to make images of volumes. No database."""
