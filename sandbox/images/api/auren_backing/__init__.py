"""The backing services as the API and the Bridge both use them: one source, linked into the Bridge's folder."""
