"""The process that imports what the others need, forks them at the supervisor's word, and steps aside.

What was imported before a fork is in memory once for all its children. A host shares what needs no Django
(``base``); API, control worker and beat also share Django and our apps (``plane``). When nothing was asked for
a while, the server makes room: it becomes ``waiting.py`` under the same pid, a few megabytes that keep its children
and tell how they end, and imports again when one has to be forked anew.
"""
