"""OVN as a back end: a writer keeps its northbound database as our tables say; hosts do the rest."""
