"""The workshop's own certificate authority, and the certificate that the gateway shows: `public.tls: auto`."""
