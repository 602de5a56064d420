"""Bodies that come in (pydantic models) and representations that go out (plain functions)."""
