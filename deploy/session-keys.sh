#!/usr/bin/env bash
# Makes a validator's session keys before the validator runs: the node starts without peers, with its unsafe RPC on the
# loopback address, is asked for keys, and stops. Prints what session.setKeys takes: the public keys and the proof that
# they are the owner's. The secret parts are in the keystore then. No running node may have this base path.
#
#   session-keys.sh OWNER --chain CHAIN_SPEC --base-path FOLDER [--keystore-path FOLDER]
#
# With systemd it is installed as tributary-session-keys, for a user who may not read this checkout.
#
# OWNER is the validator's account, as address or hex. Needs bash and jq. TRIBUTARY_NODE_PROGRAM names the program,
# tributary-node by default; TRIBUTARY_SESSION_KEYS_ARGS holds further arguments of the node.
set -euo pipefail

if (($# == 0)) || [[ $1 == -* ]]; then
	sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' "$0"
	exit 64
fi
node_program=${TRIBUTARY_NODE_PROGRAM:-tributary-node}
command -v "$node_program" >/dev/null || {
	echo "session-keys.sh: there is no program $node_program: set TRIBUTARY_NODE_PROGRAM to the node's path" >&2
	exit 1
}
command -v jq >/dev/null || {
	echo "session-keys.sh: there is no jq: install it, as with apt-get install jq" >&2
	exit 1
}
owner=$1
if [[ ! $owner =~ ^0x[0-9a-fA-F]{64}$ ]]; then
	owner=$("$node_program" key inspect --output-type json "$1" 2>/dev/null | jq -re .publicKey 2>/dev/null) || {
		echo "session-keys.sh: '$1' is no account: give its address" >&2
		exit 1
	}
fi
shift
port=${TRIBUTARY_SESSION_KEYS_PORT:-19944}
# Somebody else's answers must not be taken for the node's, which listens elsewhere when this port is taken.
if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
	echo "session-keys.sh: something listens on port $port already: set TRIBUTARY_SESSION_KEYS_PORT to a free one" >&2
	exit 1
fi
log=$(mktemp)

# shellcheck disable=SC2086 # several arguments
"$node_program" "$@" ${TRIBUTARY_SESSION_KEYS_ARGS:-} --rpc-methods unsafe --rpc-port "$port" --listen-addr /ip4/127.0.0.1/tcp/0 \
	--reserved-only --no-mdns --no-prometheus --no-telemetry >"$log" 2>&1 </dev/null &
node=$!
stop() {
	kill "$node" 2>/dev/null || true
	wait "$node" 2>/dev/null || true
	rm -f "$log"
}
trap stop EXIT

# rpc METHOD PARAMETERS: without curl, which the image does not have.
rpc() {
	local body
	body=$(jq -cn --arg method "$1" --argjson params "$2" '{jsonrpc: "2.0", id: 1, method: $method, params: $params}')
	exec 3<>"/dev/tcp/127.0.0.1/$port" || return 1
	printf 'POST / HTTP/1.0\r\nHost: 127.0.0.1:%d\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s' \
		"$port" "${#body}" "$body" >&3
	sed '1,/^\r$/d' <&3
	exec 3<&-
}

for ((attempt = 0; ; attempt++)); do
	if answer=$(rpc system_health '[]' 2>/dev/null) && [[ -n $answer ]]; then
		break
	fi
	if ((attempt == 120)) || ! kill -0 "$node" 2>/dev/null; then
		tail -n 20 "$log" >&2
		echo "session-keys.sh: the node does not answer on port $port: see above" >&2
		exit 1
	fi
	sleep 0.5
done
answer=$(rpc author_rotateKeysWithOwner "$(jq -cn --arg owner "$owner" '[$owner]')")
jq -e 'if has("error") then ("session-keys.sh: " + (.error | tostring) + "\n" | halt_error(1)) else .result end' <<<"$answer"
