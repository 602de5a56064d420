"""TLS towards OVN's database: who we are, and who is believed to be it (``ssl:`` in OVN_NORTHBOUND)."""

from __future__ import annotations

import os
import ssl

from ovs import stream

from cloudweb.exceptions import CloudwebError
from network.ovn import conf


class TlsUnusable(CloudwebError):
    """What is set for TLS does not do; the message is for operators."""


def use(remote: str) -> None:
    """Let connections to a remote be by TLS where it says so; raise TlsUnusable where settings lack or do not fit.

    The files are read at each connection, so renewed ones need no restart.
    """
    if not any(one.strip().startswith("ssl:") for one in remote.split(",")):
        return
    files = {
        "OVN_PRIVATE_KEY": conf.PRIVATE_KEY,
        "OVN_CERTIFICATE": conf.CERTIFICATE,
        "OVN_CA_CERTIFICATE": conf.CA_CERTIFICATE,
    }
    for setting, file in files.items():
        if not file:
            raise TlsUnusable(f"OVN_NORTHBOUND says ssl:, which needs {setting}, a file's path.")
        if not os.access(file, os.R_OK):
            raise TlsUnusable(f"{setting} is {file}, which cannot be read.")
    try:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(conf.CA_CERTIFICATE)
        context.load_cert_chain(conf.CERTIFICATE, conf.PRIVATE_KEY)
    except ssl.SSLError as error:
        raise TlsUnusable(
            f"{', '.join(files)} hold no certificates and the key of the second: {error}."
        ) from error
    stream.Stream.ssl_set_private_key_file(conf.PRIVATE_KEY)
    stream.Stream.ssl_set_certificate_file(conf.CERTIFICATE)
    stream.Stream.ssl_set_ca_cert_file(conf.CA_CERTIFICATE)
