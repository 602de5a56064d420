"""Power of hosts from outside: what a machine that answers nobody cannot refuse."""
