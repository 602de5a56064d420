"""What clients send about images and what they get."""
