"""What pages show, as values: badges, buttons, bars. Templates of the same names draw them."""
