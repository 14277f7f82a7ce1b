"""One file per resource: read the request, call one verb, write the answer."""
