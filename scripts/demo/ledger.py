"""Reads the money on chain, without the command line: an independent look at the same numbers."""

import struct

from hashlib import blake2b

PLATFORM, STAKERS, OPERATOR, ASSET, EVALUATORS, POOL = range(6)


def account(node, address):
    """The 32 bytes of an SS58 address."""
    alphabet = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
    number = 0
    for letter in address:
        number = number * 58 + alphabet.index(letter)
    raw = number.to_bytes(35, "big")
    if blake2b(b"SS58PRE" + raw[:33], digest_size=64).digest()[:2] != raw[33:]:
        raise ValueError(f"{address} is no SS58 address with prefix 42")
    return raw[1:33]


def call(node, function, data):
    return bytes.fromhex(node.rpc("state_call", f"TributaryApi_{function}", "0x" + data.hex())[2:])


def vault(node, kind, owner=None):
    """A vault's (credited, undistributed, claimed), planck."""
    key = bytes([kind]) + (b"" if owner is None else owner if isinstance(owner, bytes) else struct.pack("<I", owner))
    answer = call(node, "vault", key)
    _, credited, rest, claimed = (answer[len(key) :][start:end] for start, end in ((0, 8), (8, 24), (24, 40), (40, 56)))
    return tuple(int.from_bytes(part, "little") for part in (credited, rest, claimed))


def settlement(node, worker):
    """A worker's (credited, pending, claimed) data shares, planck."""
    answer = call(node, "settlement", worker)
    number = lambda start: int.from_bytes(answer[start : start + 16], "little")
    return number(16), number(32), number(48 + 32 + 16 + 8)


def charged(node, payer, worker):
    """What a channel was charged over its life, planck."""
    answer = call(node, "channel", payer + worker)
    if answer[:1] != b"\x01":
        raise ValueError("there is no such channel")
    return int.from_bytes(answer[1 + 8 + 16 : 1 + 8 + 32], "little")


def free_balance(node, who):
    """Free planck of an account."""
    # twox128("System") ++ twox128("Account") ++ blake2_128_concat(account)
    prefix = "26aa394eea5630e07c48ae0c9558cef7b99d880ec681799c0cf30e8886371da9"
    key = "0x" + prefix + blake2b(who, digest_size=16).hexdigest() + who.hex()
    value = node.rpc("state_getStorage", key)
    return int.from_bytes(bytes.fromhex(value[2:])[16:32], "little") if value else 0


POT = b"modltrb/attr".ljust(32, b"\0")
EXISTENTIAL_DEPOSIT = 1_000_000_000
