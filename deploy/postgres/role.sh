#!/bin/sh
# Run once by the image's entry point, when the volume is empty: the program's own role and database. The role is no
# superuser and owns nothing else, so that row security binds it.
set -eu
psql --username "$POSTGRES_USER" --dbname postgres --set ON_ERROR_STOP=1 \
  --set "password=$(cat /run/secrets/database-password)" <<'SQL'
CREATE ROLE undertone LOGIN PASSWORD :'password' NOSUPERUSER NOBYPASSRLS;
CREATE DATABASE undertone OWNER undertone;
SQL
