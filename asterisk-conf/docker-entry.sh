#!/bin/sh
# Writes the site's own values into site.conf, then becomes the command that it is given. What is not
# set stays as shipped.
#   CALLBACKD_ARI_PASSWORD  the password with which callbackd logs in; must be set
#   ASTERISK_AGENTS         the extensions' passwords: "1001:password 1002:password ..."; an extension
#                           that is not named gets one that nobody knows
#   ASTERISK_TRUNK          the carrier's address:port
#   ASTERISK_EXTERNAL       our address as the carrier sees it, behind NAT
#   ASTERISK_SCRIPT         the script that runs on a call
#   ASTERISK_SITE           the file, /etc/asterisk/site.conf by default
set -eu
: "${CALLBACKD_ARI_PASSWORD:?must be set: the password with which callbackd logs in}"
site=${ASTERISK_SITE:-/etc/asterisk/site.conf}

# put prints one setting: section key value.
put() {
	printf '%s\n' "$1 $2 $3"
}

# settings prints all that is set.
settings() {
	put site-ari password "$CALLBACKD_ARI_PASSWORD"
	if [ -n "${ASTERISK_TRUNK:-}" ]; then
		put site-trunk-aor contact "sip:$ASTERISK_TRUNK"
		put site-trunk-identify match "$ASTERISK_TRUNK"
	fi
	if [ -n "${ASTERISK_EXTERNAL:-}" ]; then
		put site-transport external_signaling_address "$ASTERISK_EXTERNAL"
		put site-transport external_media_address "$ASTERISK_EXTERNAL"
	fi
	if [ -n "${ASTERISK_SCRIPT:-}" ]; then
		put site-globals CALLBACKD_SCRIPT "$ASTERISK_SCRIPT"
	fi
	for agent in ${ASTERISK_AGENTS:-}; do
		put "site-${agent%%:*}" password "${agent#*:}"
	done
}

# In site.conf a ; begins a comment, and a space ends a value here.
settings | while read -r section key value; do
	case $value in
	'' | *[\;\ ]*)
		echo "docker-entry.sh: the value of $key for $section is empty or holds a space or a semicolon" >&2
		exit 1
		;;
	esac
done

written=$(mktemp)
trap 'rm -f "$written"' EXIT
unknown=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
settings | awk -v unknown="$unknown" '
	FNR == NR { value[$1, $2] = $3; next }
	/^\[.*\]\(!\)/ { section = substr($0, 2, index($0, "]") - 2) }
	{
		key = $0
		sub(/^;/, "", key)
		sub(/[ \t]*=.*/, "", key)
		if (index($0, "=") && (section, key) in value) {
			print key " = " value[section, key]
			done[section, key] = 1
			next
		}
		sub(/CHANGE-ME/, unknown)
		print
	}
	END {
		for (at in value) if (!(at in done)) {
			split(at, name, SUBSEP)
			print "docker-entry.sh: site.conf has no " name[2] " in [" name[1] "](!)" > "/dev/stderr"
			exit 1
		}
	}' - "$site" >"$written"
cat "$written" >"$site"
rm -f "$written"
exec "$@"
