# shellcheck shell=bash
#
# What demo/run, test/run and docs/generate share: packages, the build and a
# private cluster.  Sourced in the root of the clone.  Outside the clone
# nothing is changed except that missing packages are installed.

set -eEuo pipefail
trap 'echo "$0: \"$BASH_COMMAND\" failed (${BASH_SOURCE[0]}:$LINENO)" >&2' ERR
export LC_ALL=C.UTF-8
unset PGOPTIONS PGSERVICE PGSSLMODE PGCLIENTENCODING PGTZ PGDATESTYLE

say() { printf '== %s\n' "$*"; }
die() {
	printf '%s: %s\n' "$0" "$*" >&2
	exit 1
}

# Run quietly; show what was said only if it fails.
quietly() {
	local log status=0
	log=$(mktemp)
	"$@" >"$log" 2>&1 </dev/null || status=$?
	[ $status = 0 ] || cat "$log" >&2
	rm -f "$log"
	return $status
}

may_install() { [ "$(id -u)" = 0 ] || command -v sudo >/dev/null; }
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

installed() { [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }
# It may be known and yet not fit what else is installed.
available() { apt-get -qq -s --no-install-recommends install "$1" >/dev/null 2>&1; }

apt_update() { quietly as_root apt-get -qq -o Acquire::Retries=3 update || die 'apt-get update failed'; }

# Container images come without package lists.
need_package_lists() {
	compgen -G '/var/lib/apt/lists/*Packages*' >/dev/null || ! may_install || apt_update
}

# Sets PG, the major version: $PG_MAJOR, else the newest installed, else
# what the distribution calls postgresql.
choose_postgres() {
	command -v dpkg-query >/dev/null ||
		die 'needs Debian or Ubuntu; elsewhere: make && make install && make installcheck'
	PG=${PG_MAJOR:-$(printf '%s\n' /usr/lib/postgresql/*/bin/postgres | cut -d/ -f5 | sort -n | tail -n 1)}
	if [ "$PG" = '*' ]; then
		need_package_lists
		PG=$(apt-cache depends postgresql | sed -n 's/.*Depends: postgresql-\([0-9]*\)$/\1/p')
	fi
	[ -n "$PG" ] || die 'found no PostgreSQL to install; set PG_MAJOR'
}

# Installs the packages that are missing.  Those after "--if-available" may be
# unknown to the distribution, and do without where we may not install.
install_packages() {
	local package optional='' missing=() drop_in=/etc/postgresql-common/createcluster.d/llm_cost.conf
	for package in "$@"; do
		if [ "$package" = --if-available ]; then
			optional=yes
		elif installed "$package"; then
			:
		elif [ -z "$optional" ]; then
			missing+=("$package")
		elif may_install && need_package_lists && available "$package"; then
			missing+=("$package")
		fi
	done
	[ ${#missing[@]} -gt 0 ] || return 0

	may_install || die "cannot install without root or sudo: apt-get install ${missing[*]}"
	say "installing ${missing[*]}"
	apt_update
	# Installing a server usually makes a cluster; this one wants none.
	as_root mkdir -p "${drop_in%/*}"
	echo 'create_main_cluster = false' | as_root tee "$drop_in" >/dev/null
	quietly as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -y \
		-o Acquire::Retries=3 -o Dpkg::Use-Pty=0 install --no-install-recommends "${missing[@]}" || {
		as_root rm -f "$drop_in"
		die "could not install ${missing[*]}"
	}
	as_root rm -f "$drop_in"
}

# Everything in the clone that is not ignored.
files_of_clone() {
	{ git -c safe.directory="$PWD" ls-files -z --cached --others --exclude-standard 2>/dev/null ||
		find . \( -path ./build -o -path ./.git \) -prune -o -type f -print0; } |
		while IFS= read -r -d '' file; do [ ! -e "$file" ] || printf '%s\0' "$file"; done
}

# build NAME [MAKE ARGUMENTS]: builds a copy of the clone in build/NAME-MAJOR
# and installs below it.  Objects stay there from run to run, so that make
# finds out what is up to date; whatever was built in the clone is left alone.
build() {
	local dir=build/$1-$PG
	shift
	say "building for PostgreSQL $PG in $dir"
	mkdir -p "$dir"
	rm -rf "$dir/install"
	find "$dir" -type f ! -name '*.o' ! -name '*.bc' ! -name '*.so' -delete
	files_of_clone | tar --null -T - -cf - | tar -C "$dir" -xf -
	set -- -s -C "$dir" PG_CONFIG="/usr/lib/postgresql/$PG/bin/pg_config" "$@"
	quietly make -j "$(nproc)" "$@" || die "build failed"
	quietly make "$@" install DESTDIR="$PWD/$dir/install" || die "make install failed"
	BUILT=$dir/install
}

# Copies clone and installation into a private folder that the cluster's
# owner may read: the clone may not be readable for user postgres, as whom
# things run where we are root, and nothing that runs shall litter it.
make_stage() {
	STAGE=$(mktemp -d -t llm_cost.XXXXXX)
	trap 'rm -rf "$STAGE"' EXIT
	mkdir "$STAGE/clone" "$STAGE/socket"
	files_of_clone | tar --null -T - -cf - | tar -C "$STAGE/clone" -xf -
	cp -R "$BUILT" "$STAGE/install"
	if [ "$(id -u)" = 0 ]; then
		chown -R postgres: "$STAGE"
	fi
}

as_postgres() {
	if [ "$(id -u)" = 0 ]; then
		runuser -u postgres -- env HOME="$STAGE" USER=postgres LOGNAME=postgres "$@"
	else
		"$@"
	fi
}

# Runs a command in the copy of the clone, connected to a throw-away cluster
# that finds the extension in our installation, with CLUSTER_SETTINGS.
CLUSTER_SETTINGS=()
in_cluster() {
	local setting options=() settings=()
	# Debian's own setting, until PostgreSQL 18 brought one for everybody
	if grep -q extension_destdir "/usr/share/postgresql/$PG/postgresql.conf.sample"; then
		settings=("extension_destdir=$STAGE/install")
	else
		settings=("extension_control_path=$STAGE/install/usr/share/postgresql/$PG:\$system"
			"dynamic_library_path=$STAGE/install/usr/lib/postgresql/$PG/lib:\$libdir")
	fi
	# What TAP tests put into the configuration of their own clusters.
	LLM_COST_TEST_CONF=$(printf "%s'\n" "${settings[@]/=/ = \'}")
	export LLM_COST_TEST_CONF LLM_COST_TEST_INSTALL=$STAGE/install
	# no TCP: a blank, because pg_createcluster drops an empty setting
	for setting in "${settings[@]}" "${CLUSTER_SETTINGS[@]}" 'listen_addresses= ' "unix_socket_directories=$STAGE/socket"; do
		options+=(-o "$setting")
	done
	(
		cd "$STAGE/clone"
		# whatever is left behind in TMPDIR goes with the stage
		as_postgres env TMPDIR="$STAGE" pg_virtualenv -v "$PG" -c '--locale C.UTF-8 --encoding UTF8' -i --auth=trust \
			"${options[@]}" env PGHOST="$STAGE/socket" "$@"
	)
}
