"""The AWS CLI without its start: a second for each command, of which scripts have dozens.

`aws_cli` gives a program that takes what `aws` takes. It hands its arguments and its streams to
a process that has the AWS CLI loaded, which forks for each command.
"""

from __future__ import annotations

import functools
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from pathlib import Path

PROGRAM = """#!{python} -IS
import json, os, socket, sys
with socket.socket(socket.AF_UNIX) as server:
    server.settimeout(60)
    server.connect({address!r})
    message = json.dumps([sys.argv[1:], dict(os.environ), os.getcwd()]).encode()
    socket.send_fds(server, [len(message).to_bytes(8, "big")], [0, 1, 2])
    server.sendall(message)
    sys.exit(server.recv(1)[0])
"""


@contextmanager
def aws_cli(folder: Path) -> Iterator[Path]:
    """Make `aws` in a folder, to be used for as long as the block lasts."""
    address = folder / "aws.socket"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(address))
        listening.listen(10)
        command = [sys.executable, "-m", "tests.swf.aws_cli", str(listening.fileno())]
        root = Path(__file__).parents[2]
        with subprocess.Popen(command, cwd=root, pass_fds=[listening.fileno()]) as process:
            program = folder / "aws"
            program.write_text(PROGRAM.format(python=sys.executable, address=str(address)))
            program.chmod(0o755)
            try:
                yield program
            finally:
                process.kill()


def serve(listening: socket.socket) -> None:
    """Run commands, one at a time."""
    import awscli.botocore.loaders
    import awscli.botocore.session
    from awscli.clidriver import create_clidriver

    awscli.botocore.session.create_loader = functools.cache(awscli.botocore.loaders.create_loader)
    with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere):  # loads what all need
        create_clidriver().main(["swf", "list-domains", "--generate-cli-skeleton"])
    while True:
        client, _ = listening.accept()
        with client:
            length, streams, _, _ = socket.recv_fds(client, 8, 3)
            message = client.recv(int.from_bytes(length, "big"), socket.MSG_WAITALL)
            arguments, environment, folder = json.loads(message)
            child = os.fork()
            if child == 0:
                _become(streams, environment, folder)
                status = create_clidriver().main(arguments)
                sys.stdout.flush()
                os._exit(status)
            for stream in streams:
                os.close(stream)
            _, ended = os.waitpid(child, 0)
            client.sendall(bytes([os.waitstatus_to_exitcode(ended) & 0xFF]))


def _become(streams: list[int], environment: Mapping[str, str], folder: str) -> None:
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    own = os.environ.pop("AWS_DATA_PATH")  # the AWS CLI's own
    os.environ.clear()
    os.environ.update(environment, AWS_DATA_PATH=own)
    os.chdir(folder)


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))
