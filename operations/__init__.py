"""Operations: the engine of everything that takes longer than a request."""
