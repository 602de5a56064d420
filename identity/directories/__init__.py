"""LDAP: domains whose users and passwords are kept by a directory."""
