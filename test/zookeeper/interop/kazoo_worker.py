# Run by kazoo.ts: takes and gives back locks of kazoo as the lines of its input say, with tabs between words.
import sys
from threading import Lock as ThreadLock, Thread

from kazoo.client import KazooClient
from kazoo.exceptions import LockTimeout
from kazoo.recipe.lock import Lock

hosts, session_timeout, node_name, *extra_lock_patterns = sys.argv[1:]


class NamedLock(Lock):
    _NODE_NAME = node_name
    _EXCLUDE_NAMES = [node_name]


client = KazooClient(hosts=hosts, timeout=int(session_timeout) / 1000)
kinds = {"mutex": client.Lock, "read": client.ReadLock, "write": client.WriteLock}
if node_name:
    kinds["mutex"] = lambda path, **options: NamedLock(client, path, **options)
locks = {}
output = ThreadLock()


def say(*words):
    with output:
        print(*words, sep="\t", flush=True)


def acquire(id, timeout):
    try:
        locks[id].acquire(timeout=timeout)
        say("acquired", id)
    except LockTimeout:
        say("timeout", id)
    except Exception as error:
        say("error", id, repr(error))


def release(id):
    try:
        locks.pop(id).release()
        say("released", id)
    except Exception as error:
        say("error", id, repr(error))


client.add_listener(lambda state: say("state", state))
client.start(timeout=20)
say("ready")
for line in sys.stdin:
    command, id, *rest = line.rstrip("\n").split("\t")
    if command == "acquire":
        kind, path, *timeout = rest
        locks[id] = kinds[kind](path, identifier=id, extra_lock_patterns=extra_lock_patterns)
        Thread(target=acquire, args=(id, int(timeout[0]) / 1000 if timeout else None), daemon=True).start()
    else:
        Thread(target=release, args=(id,), daemon=True).start()
client.stop()
