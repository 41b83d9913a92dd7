#!/bin/bash
# Makes the database DATABASE of the user OWNER, with PASSWORD, and serves it to whoever has the password.
set -eu
cluster=(/etc/postgresql/*/main)
version=$(basename "$(dirname "${cluster[0]}")")
echo "host all all all scram-sha-256" >>"${cluster[0]}/pg_hba.conf"
echo "listen_addresses = '*'" >>"${cluster[0]}/postgresql.conf"
pg_ctlcluster "$version" main start
runuser -u postgres -- psql -q -c "CREATE ROLE $OWNER LOGIN PASSWORD '$PASSWORD'" -c "CREATE DATABASE $DATABASE OWNER $OWNER"
echo "the database is there"
exec tail -f /dev/null
