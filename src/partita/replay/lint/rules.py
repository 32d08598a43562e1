"""List the names that a workflow must not use, why, and what to use instead.

Data, and how to look up a dotted path in it. Knows no syntax.

    PAR001          the file is not Python
    PAR1xx time     101 clock · 102 sleep · 103 this machine's time zone
    PAR2xx chance   201 random numbers · 202 UUIDs · 203 secrets
    PAR3xx world    301 files · 302 environment · 303 programs · 304 network · 305 databases
                    306 terminal
    PAR4xx threads  401 threads · 402 processes · 403 other event loops
    PAR5xx order    501 order of a set · 502 hashes and addresses · 503 what other executions
                    share
    PAR6xx values   601 hints of values that cannot be stored

A trailing `.*` stands for all members of a module, error classes excepted.
"""

from __future__ import annotations

import msgspec


class Rule(msgspec.Struct, frozen=True):
    """Why something cannot be repeated, and what to use instead."""

    why: str
    instead: str
    by_hand: str = ""  # what to use instead in a decider written by hand


_ACTIVITY = "do it in an @activity"
_DRAW = "draw it in an @activity"

RULES = {
    "PAR001": Rule("this is not Python", "mend it"),
    "PAR101": Rule(
        "a replay reads another time", "use partita.now()", "use process.time, or StartTimer"
    ),
    "PAR102": Rule(
        "it stops the worker, and a crash forgets it",
        "use partita.sleep(), or asyncio.sleep() in async code",
        "answer StartTimer",
    ),
    "PAR103": Rule(
        "it depends on this machine's time zone",
        "use partita.now(), or name the time zone",
        "use process.time, or name the time zone",
    ),
    "PAR201": Rule("a replay draws other numbers", "use partita.random()", _DRAW),
    "PAR202": Rule("a replay makes another one", "use partita.uuid4()", _DRAW),
    "PAR203": Rule(
        "a replay makes another secret",
        "make it in an @activity, or use partita.random()",
        "make it in an @activity",
    ),
    "PAR301": Rule("a replay finds other files", _ACTIVITY),
    "PAR302": Rule(
        "a replay may have another environment",
        "take it as an argument, or read it in partita.side_effect()",
        "take it as input, or read it in an @activity",
    ),
    "PAR303": Rule("a replay runs it again", "put @activity and @program on a function"),
    "PAR304": Rule("a replay asks again, and hears something else", _ACTIVITY),
    "PAR305": Rule("a replay asks again, and finds other data", _ACTIVITY),
    "PAR306": Rule(
        "nobody sits at a worker's terminal", "take it as an argument, or wait for a signal"
    ),
    "PAR401": Rule(
        "threads run in another order each time",
        "use .submit() of an activity, or partita.spawn()",
        "answer several decisions",
    ),
    "PAR402": Rule("a replay begins the processes again", "use an @activity(process=True)"),
    "PAR403": Rule("a replay cannot repeat what runs outside its event loop", _ACTIVITY),
    "PAR501": Rule(
        "the order of a set differs from process to process", "use sorted(), or keep a list"
    ),
    "PAR502": Rule(
        "it differs from process to process", "use a key of your own, or a digest of hashlib"
    ),
    "PAR503": Rule(
        "executions and replays share it",
        "keep it in a local variable, or in the instance",
        "keep it in a marker, or in the data of a decision",
    ),
    "PAR601": Rule(
        "such values cannot be stored",
        "use plain values, dataclasses, msgspec, attrs or pydantic types",
    ),
}

_CALLED = {
    "PAR101": """
        time.time time.time_ns time.monotonic time.monotonic_ns time.perf_counter
        time.perf_counter_ns time.process_time time.process_time_ns time.thread_time
        time.thread_time_ns time.clock_gettime time.clock_gettime_ns
        time.gmtime time.ctime time.asctime time.strftime
        datetime.datetime.now datetime.datetime.utcnow datetime.datetime.today
        datetime.date.today timeit.default_timer timeit.timeit timeit.repeat
        pendulum.now pendulum.today arrow.now arrow.utcnow django.utils.timezone.now
        pandas.Timestamp.now pandas.Timestamp.utcnow pandas.Timestamp.today
    """,
    "PAR102": "time.sleep",
    "PAR103": "time.localtime time.mktime datetime.datetime.fromtimestamp",
    "PAR201": "random.* numpy.random.* faker.Faker",
    "PAR202": "uuid.uuid1 uuid.uuid4 uuid.uuid6 uuid.uuid7 uuid.uuid8 uuid.getnode",
    "PAR203": "secrets.* os.urandom os.getrandom random.SystemRandom",
    "PAR301": """
        builtins.open io.open io.open_code io.FileIO codecs.open os.* shutil.* tempfile.* glob.*
        fileinput.* linecache.* filecmp.* mmap.mmap gzip.open bz2.open lzma.open tarfile.open
        zipfile.ZipFile shelve.open dbm.* pathlib.Path.cwd pathlib.Path.home
        os.path.exists os.path.lexists os.path.isfile os.path.isdir os.path.islink os.path.ismount
        os.path.getsize os.path.getmtime os.path.getatime os.path.getctime os.path.realpath
        os.path.abspath os.path.expanduser os.path.samefile aiofiles.*
        numpy.load numpy.save numpy.savez numpy.loadtxt numpy.savetxt numpy.fromfile
        numpy.genfromtxt pandas.read_csv pandas.read_json pandas.read_excel pandas.read_parquet
        pandas.read_pickle pandas.read_table pandas.read_html pandas.read_feather
    """,
    "PAR302": """
        os.getenv os.getenvb os.putenv os.unsetenv os.getpid os.getppid os.getlogin os.getuid
        os.getgid os.uname os.cpu_count os.process_cpu_count os.getloadavg os.path.expandvars
        platform.* getpass.getuser locale.* psutil.* resource.*
        socket.gethostname socket.getfqdn
    """,
    "PAR303": "subprocess.* os.system os.popen os.startfile pexpect.* sh.* pty.spawn",
    "PAR304": """
        socket.* socketserver.* ssl.* select.* selectors.* urllib.request.* http.client.*
        http.server.* smtplib.* imaplib.* poplib.* ftplib.* telnetlib.* xmlrpc.client.*
        webbrowser.* requests.* httpx.* aiohttp.* urllib3.* websockets.* websocket.* paramiko.*
        grpc.* boto3.* botocore.session.* aioboto3.* kafka.* confluent_kafka.* pika.* openai.OpenAI
        openai.AsyncOpenAI anthropic.Anthropic anthropic.AsyncAnthropic
        asyncio.open_connection asyncio.start_server asyncio.open_unix_connection
        asyncio.start_unix_server
    """,
    "PAR305": """
        sqlite3.* psycopg.* psycopg2.* asyncpg.* pymysql.* MySQLdb.* pyodbc.* oracledb.* duckdb.*
        redis.* pymongo.* motor.* elasticsearch.* cassandra.cluster.* aiosqlite.*
        sqlalchemy.create_engine sqlalchemy.ext.asyncio.create_async_engine
    """,
    "PAR306": "builtins.input builtins.breakpoint getpass.getpass pdb.*",
    "PAR401": """
        threading.* _thread.* concurrent.futures.* multiprocessing.dummy.* signal.*
        gevent.* eventlet.* queue.SimpleQueue
    """,
    "PAR402": """
        multiprocessing.* concurrent.futures.ProcessPoolExecutor concurrent.futures.process.*
        joblib.* os.fork os.forkpty os.execv os.execve os.execl os.execle os.execlp os.execlpe
        os.execvp os.execvpe os.spawnl os.spawnle os.spawnlp os.spawnlpe os.spawnv os.spawnve
        os.spawnvp os.spawnvpe os.posix_spawn os.posix_spawnp os.kill os.killpg os.wait os.waitpid
        os.abort os._exit
    """,
    "PAR403": """
        asyncio.run asyncio.Runner asyncio.to_thread asyncio.run_coroutine_threadsafe
        asyncio.create_subprocess_exec asyncio.create_subprocess_shell asyncio.new_event_loop
        asyncio.set_event_loop asyncio.subprocess.create_subprocess_exec
        asyncio.subprocess.create_subprocess_shell anyio.* trio.* nest_asyncio.*
        asgiref.sync.* curio.*
    """,
    "PAR502": "builtins.hash builtins.id gc.*",
}

_READ = {
    "PAR103": "time.timezone time.altzone time.daylight time.tzname",
    "PAR302": "os.environ os.environb sys.argv sys.path sys.modules sys.platform sys.executable",
    "PAR306": "sys.stdin",
}
"""Values that must not even be read, since they are not the same everywhere."""

_PURE = frozenset(
    """
    os.fspath os.fsencode os.fsdecode os.strerror os.PathLike os.path.* os.WEXITSTATUS
    os.WIFEXITED os.WIFSIGNALED os.WTERMSIG tempfile.gettempprefix shutil.ignore_patterns
    subprocess.list2cmdline subprocess.CompletedProcess glob.escape glob.has_magic
    glob.translate secrets.compare_digest urllib.request.Request urllib.request.pathname2url
    urllib.request.url2pathname requests.Request requests.utils.* requests.auth.*
    requests.structures.* httpx.URL httpx.Headers httpx.QueryParams httpx.Request httpx.Limits
    httpx.BasicAuth aiohttp.ClientTimeout aiohttp.BasicAuth urllib3.util.* urllib3.Retry
    socket.inet_aton socket.inet_ntoa socket.inet_pton socket.inet_ntop socket.htons
    socket.htonl socket.ntohs socket.ntohl boto3.dynamodb.* sqlite3.Date sqlite3.Time
    sqlite3.Timestamp sqlite3.Binary sqlite3.complete_statement psycopg.sql.* psycopg2.sql.*
    sqlite3.Row signal.Signals signal.strsignal signal.valid_signals concurrent.futures.Future
    numpy.random.SeedSequence requests.Response ssl.Purpose socket.AddressFamily
    """.split()  # noqa: SIM905
)
"""Members of the above that only compute."""

_PURE_FROM = {
    "time.strftime": 2,
    "time.gmtime": 1,
    "time.ctime": 1,
    "time.asctime": 1,
    "datetime.datetime.fromtimestamp": 2,
    "random.Random": 1,
    "numpy.random.default_rng": 1,
    "numpy.random.RandomState": 1,
    "numpy.random.PCG64": 1,
    "numpy.random.Generator": 1,
}
"""Functions that only compute if they are given this many arguments."""

_PURE_ENDINGS = ("Error", "Exception", "Warning", "Timeout", "Expired", "Interrupt")

PATH_METHODS = {
    *("exists", "is_file", "is_dir", "is_symlink", "is_mount", "is_socket", "is_fifo"),
    *("is_block_device", "is_char_device", "is_junction", "stat", "lstat", "chmod", "lchmod"),
    *("open", "read_bytes", "read_text", "write_bytes", "write_text", "touch", "mkdir", "rmdir"),
    *("unlink", "rename", "replace", "iterdir", "glob", "rglob", "walk", "resolve", "absolute"),
    *("expanduser", "owner", "group", "symlink_to", "hardlink_to", "readlink", "samefile"),
    *("copy", "copy_into", "move", "move_into"),
}
"""Methods of `pathlib.Path` that read or change files."""

METHODS = {"run_in_executor": "PAR403", "astimezone": "PAR103"}
"""Methods that only one kind of object has; `astimezone` counts without arguments only."""


def _table(groups: dict[str, str]) -> dict[str, str]:
    return {path: code for code, paths in groups.items() for path in paths.split()}


_CALLED_CODE = _table(_CALLED)
_READ_CODE = _table(_READ)


def called(path: str, arguments: int) -> str | None:
    """Return the rule against calling what has this dotted path; None if that only computes."""
    if arguments >= _PURE_FROM.get(path, 1_000) or path.endswith(_PURE_ENDINGS):
        return None
    if _in(_PURE, path) and path not in _CALLED_CODE:
        return None
    return next((_CALLED_CODE[key] for key in _keys(path) if key in _CALLED_CODE), None)


def mentioned(path: str) -> str | None:
    """Return the rule against reading the value at this dotted path, or None."""
    return _READ_CODE.get(path)


def _in(paths: frozenset[str], path: str) -> bool:
    return any(key in paths for key in _keys(path))


def _keys(path: str) -> list[str]:
    """Return the path and the patterns that match it, the closest first."""
    parts = path.split(".")
    return [path, *(".".join(parts[:end]) + ".*" for end in range(len(parts) - 1, 0, -1))]
