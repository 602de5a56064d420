"""Downloads from addresses that tenants name, without reaching what only this machine can reach."""
