#!/usr/bin/env bash
# Makes the local network ready for its worker, once: publishes the base model as Alice, funds the service
# key and registers Bob as operator. Runs in the worker's image.
set -euo pipefail

until tributary status >/dev/null 2>&1; do
	echo "register: waiting for a node"
	sleep 3
done
service=$(tributary key show //Bob//service --json | jq -re .address)
if tributary worker list --json | jq -e '(.workers // .) | length > 0' >/dev/null; then
	echo "register: there is a worker already"
	exit 0
fi
base=$(tributary --key //Alice base publish tributary-3m /models/tributary-3m \
	--price-in 0.001 --price-out 0.002 --json | jq -re .asset)
echo "register: the base model is asset $base"
tributary --key //Bob pay "$service" 10
tributary --key //Bob worker register --service-key "$service" --endpoint http://worker:8700 --model "$base" --bond 1000
