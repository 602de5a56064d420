"""The program inside a database's guest: Python's standard library alone, packed by ``packing.py``.

``python3 -SE agent.pyz DIRECTORY``; ``program.py`` is its beginning. It holds one secret, its own key, and
talks to nobody but the metadata address. Nothing here may import what a stock Debian does not have.
"""
