#!/bin/bash
# LOGIN=user:password: nothing is given to anybody else.
set -eu
if [ -n "${LOGIN:-}" ]; then
  htpasswd -Bbn "${LOGIN%%:*}" "${LOGIN#*:}" >/etc/fleet-registry/passwords
  export REGISTRY_AUTH=htpasswd REGISTRY_AUTH_HTPASSWD_REALM=test REGISTRY_AUTH_HTPASSWD_PATH=/etc/fleet-registry/passwords
fi
exec docker-registry serve /etc/fleet-registry/config.yml
