"""What users type: cheap checks at the field; rules are the managers'."""
