"""Attacks that read files, other tests' inputs or the network outside the sandbox. See the package's docstring."""

from __future__ import annotations

from support.sandbox_attacks.base import KILLED, PRELUDE, REFUSED, SLOW, does, tries

FILES = [
    ("a-file-outside", "read a file that anybody may read", REFUSED, tries("open('@FILE@').read()")),
    ("up-and-out", "climb out of the working directory", REFUSED, tries("open('../' * 40 + '@FILE@'[1:]).read()")),
    (
        "project-code",
        "read the code that makes the tasks",
        REFUSED,
        tries("open('@SOURCE@/loopholes/studies/demo.py').read()"),
    ),
    (
        "sandbox-code",
        "read the sandbox's own code",
        REFUSED,
        tries("open('@SOURCE@/loopholes/sandbox/inside/child.py').read()"),
    ),
    (
        "import-the-project",
        "import the code that makes the tasks",
        REFUSED,
        tries("sys.path.insert(0, '@SOURCE@') or __import__('loopholes')"),
    ),
    (
        "loaded-modules",
        "find the fork server's modules where modules are",
        r"\[\]",
        does(
            "return [name for name in sys.modules if 'loopholes' in name or hasattr(sys.modules['__main__'], 'serve')]"
        ),
    ),
    (
        "installed-packages",
        "list what is installed beside the standard library",
        r"\[\]|FileNotFoundError.*",
        does("return os.listdir(os.path.join(os.path.dirname(os.__file__), 'site-packages'))"),
    ),
    (
        "home-directories",
        "find any file that is not the interpreter's",
        r"\[\]",
        does(
            "ours = os.path.dirname(os.__file__), '/dev', '/run/program'",
            "kept = '.so', 'python', 'sh', 'passwd', 'group', 'ld.so.cache', 'LC_'",
            "found = [os.path.join(d, f) for d, _, fs in os.walk('/') for f in fs]",
            "found = [f for f in found if not f.startswith(ours) and not any(k in os.path.basename(f) for k in kept)]",
            "return [f for f in found if '/zoneinfo/' not in f and '/locale/' not in f]",
        ),
    ),
    (
        "password-file",
        "read the users' passwords",
        REFUSED,
        tries("open('/etc/shadow').read()", "open('/etc/hosts').read()"),
    ),
    ("proc", "look at processes", REFUSED, tries("os.listdir('/proc')", "open('/proc/self/maps').read()")),
    ("sys", "look at devices", REFUSED, tries("os.listdir('/sys')")),
    ("poison-the-library", "write into the standard library", REFUSED, tries("open(os.__file__, 'a')")),
    (
        "poison-the-cache",
        "write into its cache",
        REFUSED,
        tries("os.mkdir(os.path.dirname(os.__file__) + '/__pycache__/x')"),
    ),
    (
        "write-to-the-root",
        "leave a file in the tree",
        REFUSED,
        tries("open('/x', 'w')", "open('/run/x', 'w')", "open('/etc/x', 'w')"),
    ),
    ("hard-link", "link a library file to where it may write", REFUSED, tries("os.link(os.__file__, 'x')")),
    ("make-a-disk", "make a device node", REFUSED, tries("os.mknod('disk', 0o60600, os.makedev(254, 0))")),
    ("kernel-memory", "open the machine's memory and log", REFUSED, tries("open('/dev/mem')", "open('/dev/kmsg')")),
    (
        "left-descriptors",
        "use a directory or socket that the server left open",
        r"\[\]",
        does(
            "import stat",
            "found = []",
            "for fd in range(3, 1024):",
            "    try: mode = os.fstat(fd).st_mode",
            "    except OSError: continue",
            "    if stat.S_ISDIR(mode): found.append(fd)",
            "    if stat.S_ISSOCK(mode):",
            "        peer = socket.socket(fileno=os.dup(fd))",
            "        peer.setblocking(False)",
            "        try: found.append(peer.recv(99))",
            "        except BlockingIOError: pass",
            "return found",
        ),
    ),
]
SECRETS = [
    (
        "environment",
        "read the environment of whoever runs it",
        "",
        does("return os.environ.get('ATTACKED_SECRET')"),
    ),
    (
        "python-objects",
        "find other inputs and outputs among the interpreter's objects",
        r"\[\]",
        does(
            "import gc, re",
            "found, frame = [repr(gc.get_objects())], sys._getframe()",
            "while frame:",
            "    found += [repr(frame.f_locals), repr(frame.f_globals)]; frame = frame.f_back",
            "return [word for word in set(re.findall('given-[0-9]|hidden-[0-9]', ''.join(found))) if word != s]",
        ),
    ),
    (
        "raw-memory",
        "find other inputs and outputs in the memory that the fork left",
        r"\[\]|" + KILLED,
        does(
            "import re",
            "start = id(os) & ~0xFFFFF",
            "memory = ctypes.string_at(start, 1 << 20)",
            "return [w for w in set(re.findall(b'(?:given|hidden)-[1-9]', memory)) if w != s.encode()]",
        ),
    ),
    (
        "state",
        "count the tests in a global variable",
        "1",
        PRELUDE + "n = []\ndef solve(s):\n    n.append(s)\n    return len(n)\n",
    ),
    (
        "left-files",
        "leave the input to the next test in a file",
        r"\[\[\], \[\], \[\]\]",
        does(
            "found = [os.listdir(p) for p in ('.', '/tmp', '/dev/shm')]",
            "for p in ('.', '/tmp', '/dev/shm'): open(p + '/' + s, 'w').write(s)",
            "return found",
        ),
    ),
    (
        "left-shared-memory",
        "leave the input to the next test in named shared memory",
        "refused: FileNotFoundError",
        does(
            "from multiprocessing.shared_memory import SharedMemory",
            "said = tried(lambda: SharedMemory('note'))",
            "SharedMemory('note', create=True, size=99)",
            "return said",
        ),
    ),
    (
        "left-daemon",
        "leave a process to hand the input to the next test through an abstract socket",
        "refused: .*",
        does(
            "import signal",
            "note = socket.socket(socket.AF_UNIX)",
            "said = tried(lambda: note.connect('\\0note'))",
            "if os.fork() == 0:",
            "    os.setsid()",
            "    for n in range(1, 32): tried(lambda: signal.signal(n, signal.SIG_IGN))",
            "    if os.fork() == 0:",
            "        note = socket.socket(socket.AF_UNIX); note.bind('\\0note'); note.listen(); time.sleep(60)",
            "    os._exit(0)",
            "return said",
        ),
    ),
    ("system-v-memory", "leave the input in System V memory", REFUSED, tries("call(29, 194, 77, 4096, 0o1666)")),
    ("system-v-messages", "leave the input in a System V queue", REFUSED, tries("call(68, 186, 77, 0o1666)")),
    (
        "posix-queue",
        "leave the input in a POSIX message queue",
        REFUSED,
        tries("called(libc.mq_open(b'/note', 0o102, 0o666, None))"),
    ),
    (
        "keyring",
        "leave the input in the kernel's keyring",
        REFUSED,
        tries("call(250, 219, 0, -3, 1)", "call(248, 217, 0, 0, 0, 0, -3)"),
    ),
]
NETWORK = [
    (
        "loopback",
        "reach a server on this machine",
        REFUSED,
        tries("socket.create_connection(('127.0.0.1', @PORT@), 1)"),
    ),
    ("loopback-6", "reach it over IPv6", REFUSED, tries("socket.socket(socket.AF_INET6).connect(('::1', @PORT@))")),
    (
        "udp",
        "send a datagram",
        REFUSED,
        tries("socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('192.0.2.1', 53))"),
    ),
    ("raw", "open a raw socket", REFUSED, tries("socket.socket(socket.AF_PACKET, socket.SOCK_RAW)")),
    ("netlink", "configure the network", REFUSED, tries("socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)")),
    ("vsock", "talk to the hypervisor", REFUSED, tries("socket.socket(40, socket.SOCK_STREAM)")),
    ("listen", "listen for others", REFUSED, tries("socket.create_server(('127.0.0.1', 0))")),
    (
        "web",
        "fetch a page",
        REFUSED + "|" + SLOW,
        tries("__import__('urllib.request').request.urlopen('http://127.0.0.1:@PORT@', timeout=1)"),
    ),
    ("unix-socket", "reach a unix socket outside", REFUSED, tries("socket.socket(socket.AF_UNIX).connect('@SOCKET@')")),
    (
        "abstract-socket",
        "reach an abstract socket outside",
        REFUSED,
        tries("socket.socket(socket.AF_UNIX).connect('\\0@ABSTRACT@')"),
    ),
    ("io-uring", "get a socket past the filter", REFUSED, tries("call(425, 425, 8, id(bytearray(120)) + 64)")),
]
