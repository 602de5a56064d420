"""Where large data is kept by key: directories and S3 buckets, as the settings name them (IMAGE_STORES)."""
