"""How the operators' pages write what Django writes by language (settings: FORMAT_MODULE_PATH)."""
