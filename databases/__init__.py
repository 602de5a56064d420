"""Databases as a service: PostgreSQL and MariaDB on servers of their own, each with an agent inside."""
