"""The data of backups: parts that a guest writes and reads by signed URLs, and the store that keeps them."""
