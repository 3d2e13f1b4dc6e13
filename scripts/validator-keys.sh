#!/usr/bin/env bash
# Makes session keys inside a validator's node and prints what `session.setKeys` takes.
#
#   scripts/validator-keys.sh ACCOUNT [URL]     URL: the node's RPC, http://127.0.0.1:9944 when left out
#
# ACCOUNT is the bonded account's address or 0x public key: the proof is for it alone. The call is an unsafe
# one: run this on the validator's machine. `tributary validator keys` does the same and sends the transaction;
# deploy/session-keys.sh does it without unsafe RPC.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

case ${1:-} in
-* | '')
	usage "${1:-}"
	;;
esac
account=$1
url=${2:-http://127.0.0.1:9944}

if [[ $account == 0x* ]]; then
	owner=$account
else
	[[ -x $NODE ]] || NODE=$(command -v tributary-node) || die "there is no tributary-node to decode the address with: give the account's 0x public key instead"
	owner=$("$NODE" key inspect --output-type json "$account" 2>/dev/null | jq -re .publicKey) ||
		die "$account is no address: give the bonded account's SS58 address or 0x public key"
fi
[[ $owner =~ ^0x[0-9a-fA-F]{64}$ ]] || die "$owner is no public key: it has 0x and 64 digits"

answer=$(curl -sf --max-time 30 -H 'content-type: application/json' "$url" -d \
	"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"author_rotateKeysWithOwner\",\"params\":[\"$owner\"]}") ||
	die "no answer from $url: is the node running, and its RPC at this address?"
error=$(jq -r '.error.message // empty' <<<"$answer")
[[ -z $error ]] || die "the node refused: $error. Its RPC must be local and started with --rpc-methods unsafe; deploy/session-keys.sh needs neither"
keys=$(jq -re .result.keys <<<"$answer") || die "the node made no keys: $answer"
proof=$(jq -re .result.proof <<<"$answer") || die "the node's runtime proves no ownership: upgrade the chain first"

cat <<TEXT
account  $owner
keys     $keys
proof    $proof

polkadot.js Apps, Developer > Extrinsics, with that account: session > setKeys(keys, proof)
  keys.aura     0x${keys:2:64}
  keys.grandpa  0x${keys:66:64}
  proof         $proof
or, from any machine: tributary --key YOUR_KEY validator keys --keys KEYS --proof PROOF

They are in force with the second session from then; keep the node's keystore, and the old keys until then.
TEXT
