"""Coverage-guided fuzzing of what reads bytes from strangers, by atheris (`pip install -e '.[fuzz]'`).

python -m tests.fuzz --list                       the readers
python -m tests.fuzz --all [OPTION …]             all of them, one after the other, each in a process of its own
python -m tests.fuzz "a range proof" [OPTION …]   one of them

Options are libFuzzer's, for example -max_total_time=60 (seconds for each reader). A finding ends the run with a
traceback and leaves the bytes in a file `crash-…`. Coverage is that of this project's own modules: the native library
and protocol buffers are not instrumented.
"""

import subprocess
import sys
import tempfile
from pathlib import Path


def main(arguments: list[str]) -> None:
    """Fuzz what the first argument names."""
    match arguments:
        case ["--list"]:
            from tests.fuzz.targets import targets

            sys.stdout.writelines(f"{name}\n" for name in targets())
        case ["--all", *options]:
            run_all(options)
        case [name, *options]:
            fuzz(name, options)
        case _:
            raise SystemExit(__doc__)


def run_all(options: list[str]) -> None:
    """Every reader. Ends with 1 at the first finding."""
    from tests.fuzz.targets import targets

    for name in targets():
        sys.stdout.write(f"{name}\n")
        sys.stdout.flush()
        if subprocess.run([sys.executable, "-m", "tests.fuzz", name, "-verbosity=0", *options], check=False).returncode:
            raise SystemExit(1)


def fuzz(name: str, options: list[str]) -> None:
    """One reader, from its samples on. Does not return."""
    import atheris

    with atheris.instrument_imports(include=["circuits", "node"]):
        from tests.fuzz.targets import targets
    if name not in targets():
        raise SystemExit(f"name one of: {', '.join(targets())}")
    target = targets()[name]
    with tempfile.TemporaryDirectory() as folder:
        for number, sample in enumerate(target.samples):
            (Path(folder) / f"sample-{number}").write_bytes(sample)

        def once(data: bytes) -> None:
            target.run(data)

        atheris.Setup([sys.argv[0], *options, folder], once)
        atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1:])
