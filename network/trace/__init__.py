"""Why something cannot be reached: a packet is followed hop by hop until one stops it."""
