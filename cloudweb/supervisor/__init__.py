"""One machine's process tree: starts the children, keeps them alive, ends them in order.

It runs without Django, so that what watches the cloud costs next to nothing.
"""
