"""Trunks as operations and hosts see them: where subports are, and what that makes of the trunk."""
