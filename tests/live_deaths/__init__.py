"""What dies while a server goes to another host: every phase, every victim, on two hosts of real libvirt and QEMU."""
