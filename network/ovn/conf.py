"""Settings of OVN, read from the environment; they matter with NETWORK_BACKEND=ovn."""

from __future__ import annotations

from cloudweb.conf import env

#: Where OVN's northbound database listens: unix:PATH, ssl:ADDRESS:PORT, tcp:ADDRESS:PORT, or several with
#: commas (a cluster).
NORTHBOUND: str = env.str("OVN_NORTHBOUND", default="unix:/var/run/ovn/ovnnb_db.sock")
#: Files for ssl: our key, our certificate, and who signed the database's.
PRIVATE_KEY: str = env.str("OVN_PRIVATE_KEY", default="")
CERTIFICATE: str = env.str("OVN_CERTIFICATE", default="")
CA_CERTIFICATE: str = env.str("OVN_CA_CERTIFICATE", default="")
#: Hosts that have the provider's wires; none said: all that have OVN.
GATEWAY_HOSTS: list[str] = env.list("OVN_GATEWAY_HOSTS", default=[])
#: Whether a floating IP leaves by its server's own host.
DISTRIBUTED: bool = env.bool("OVN_DISTRIBUTED_FLOATING_IPS", default=True)
#: Name servers of subnets that name none.
DNS_SERVERS: list[str] = env.list("OVN_DNS_SERVERS", default=[])
#: Seconds between two looks for changes, and between two comparisons of everything.
LOOK_EVERY: float = env.float("OVN_LOOK_EVERY", default=0.5)
COMPARE_EVERY: float = env.float("OVN_COMPARE_EVERY", default=60.0)
#: Seconds that a transaction may take.
TIMEOUT: float = env.float("OVN_TIMEOUT", default=10.0)
#: Seconds without the database until operators read of it.
AWAY_AFTER: float = env.float("OVN_AWAY_AFTER", default=5.0)
