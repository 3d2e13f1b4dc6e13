#!/usr/bin/env bash
# Runs the local chain's three validators, Alice, Bob and Charlie, on this machine.
#
#   scripts/local-network.sh            until Ctrl-C; RPC on ports 9944 to 9946, or the next free ones
#   scripts/local-network.sh --check    until blocks are final on all three, then ends with 0
#
# Their data is in a temporary folder and gone afterwards.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

check=no
case ${1:-} in
'') ;;
--check) check=yes ;;
*)
	usage "$1"
	;;
esac
[[ -x $NODE ]] || die "there is no node at $NODE: build it first, scripts/demo.sh and scripts/test.sh do"

# Time for the validators to find each other and to finalise: three slots each.
finality_seconds=120

data=$(mktemp -d)
names=(alice bob charlie)
ports=()
pids=()
alice_p2p=$(free_port)
# The peer id of node key 1.
alice_peer=$("$NODE" key inspect-node-key --file <(printf '%064d' 1) 2>/dev/null)
for index in 0 1 2; do
	name=${names[index]}
	port=$((9944 + index))
	# What listens there already would be taken for the validator.
	if [[ $check == yes ]] || (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then port=$(free_port); fi
	arguments=(--chain local "--$name" --base-path "$data/$name" --node-key "$(printf '%064d' $((index + 1)))"
		--rpc-port "$port" --no-prometheus --no-telemetry --no-mdns)
	if ((index == 0)); then
		arguments+=(--listen-addr "/ip4/127.0.0.1/tcp/$alice_p2p")
	else
		arguments+=(--listen-addr "/ip4/127.0.0.1/tcp/$(free_port)"
			--bootnodes "/ip4/127.0.0.1/tcp/$alice_p2p/p2p/$alice_peer")
	fi
	start_process "$name" "$data/$name.log" "$NODE" "${arguments[@]}"
	pids+=("$STARTED")
	wait_for_port "$port" 60 "$name" "$STARTED" "$data/$name.log"
	ports+=("$port")
	say "$name: ws://127.0.0.1:$port"
done

# finalized PORT: number of the newest final block.
finalized() {
	local hash
	hash=$(rpc "$1" chain_getFinalizedHead) && printf '%d\n' "$(rpc "$1" chain_getHeader "[$hash]" | jq -r .number)"
}

if [[ $check == no ]]; then
	say "running; Ctrl-C ends it"
	trap 'stop_processes; rm -rf "$data"' EXIT
	wait
	die "all three have stopped"
fi
end=$((SECONDS + finality_seconds))
for index in 0 1 2; do
	until number=$(finalized "${ports[index]}") && ((number >= 3)); do
		if ((SECONDS >= end)); then
			tail -n 25 "$data/${names[index]}.log" >&2
			die "${names[index]} has no final block 3 after $finality_seconds s: see $data"
		fi
		sleep 1
	done
	say "${names[index]}: block $number is final"
done
stop_processes
rm -rf "$data"
say "three validators finalise"
