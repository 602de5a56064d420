"""The tunnel that a guest goes through to another host, a process of its own at both."""
