"""A bad day: tenants work on while processes die, freeze and lose what they were told.

``weather`` makes the trouble, ``tenants`` do what users do, ``storm`` puts both together and
``census`` counts what is left. ``make storm`` runs it for ten minutes on real drivers.
"""
