"""Volumes: disks of their own life, attached, grown, snapshotted, kept on pools of hosts."""
