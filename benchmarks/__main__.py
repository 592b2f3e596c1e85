"""`python -m benchmarks`: measure, print tables, and with --json write every single value to a file.

Figures depend on the machine and on what else it does. Targets are printed beside them; the exit status tells
only whether everything could be measured.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator

from rich.console import Console
from rich.progress import Progress, TextColumn, TimeElapsedColumn

from benchmarks import (
    activation,
    active,
    calls,
    environment,
    lookups,
    mapping,
    memory,
    parallel,
    report,
    snapshots,
    spawn,
    streams,
)
from benchmarks.environment import CLEANENV, MeasuredEnvironment
from benchmarks.results import Figure, Results, Section, Target, at_least, at_most
from benchmarks.sampling import Sample, interleave

SECTIONS = (
    *("calls", "mapping", "parallel", "streams", "text", "lookups", "commands", "activation", "memory", "active"),
    "snapshots",
)
STREAM_BYTES = 10 * 10**9
AT_ONCE = 1000
TEXT_BYTES = 64 * 10**6  # of a file that is written again and again
TEXT_TIMES = 50
SNAPSHOT_MEGABYTES = (1, 100, 500)


def main() -> int:
    """Run what was asked for."""
    options = _options()
    wanted = options.only or SECTIONS
    results = Results()
    try:
        with _environment(options) as measured:
            results.facts.update(_facts(measured))
            for name, measure in _MEASURES.items():
                if name in wanted:
                    measure(measured, options.rounds, results)
    except (spawn.ProgramFailedError, subprocess.CalledProcessError) as error:
        print(f"benchmarks: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    results.facts["load at the end"] = _load()
    results.targets += _targets(results)
    report.show(results, with_targets=not options.figures_only)
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump(results.to_object(), file, indent=1)
            file.write("\n")
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=_positive, default=200, metavar="N", help="default: 200")
    parser.add_argument("--only", action="append", choices=SECTIONS, help="a part of it; may be repeated")
    parser.add_argument("--figures-only", action="store_true", help="show no targets")
    parser.add_argument("--json", metavar="FILE", help="write every value to this file")
    parser.add_argument("--base-image", metavar="IMAGE", help="by default the one that `cleanenv create` takes")
    parser.add_argument("--environment", metavar="PATH", help="measure this environment, which must link `true`")
    return parser.parse_args()


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError
    return number


def _environment(options: argparse.Namespace) -> contextlib.AbstractContextManager[MeasuredEnvironment]:
    if options.environment:
        return contextlib.nullcontext(environment.existing(options.environment))
    return environment.made(options.base_image)


def _facts(measured: MeasuredEnvironment) -> dict[str, str]:
    return {
        "machine": f"{_processor()}, {os.cpu_count()} cores, Linux {platform.release()}, {_system()}",
        "engine": f"{measured.engine.kind} {measured.engine.version}, image {measured.image}",
        "python": platform.python_version(),
        "program": calls.compare_programs(measured),
        "load at the start": _load(),
    }


def _measure_calls(measured: MeasuredEnvironment, rounds: int, results: Results) -> None:
    with calls.ways(measured) as (present, absent):
        samples = _interleaved("calls", {way.key: way.call for way in present}, rounds)
    native = samples["native"].median
    figures = [Figure(way.key, way.title, samples[way.key], samples[way.key].median / native) for way in present]
    figures += [Figure(way.key, way.title, note=f"not measured, {way.reason}") for way in absent]
    title = f"one call of `true` ({rounds} rounds, in turns)"
    results.sections.append(Section("calls", title, "ms", tuple(figures), "ratio"))


def _measure_mapping(measured: MeasuredEnvironment, rounds: int, results: Results) -> None:
    del measured
    with mapping.measures() as ways:
        samples = _interleaved("mapping", ways, rounds)
    titles = {
        "none": "no argument",
        "words": f"{mapping.ARGUMENTS} words",
        "compiler": f"{mapping.ARGUMENTS} arguments of a compiler",
        "files": f"{mapping.ARGUMENTS} files, each looked at",
    }
    figures = tuple(Figure(key, title, samples[key]) for key, title in titles.items())
    title = f"mapping the paths of one call, {mapping.MOUNTS} mounts ({rounds} rounds, in turns)"
    results.sections.append(Section("mapping", title, "µs", figures))


def _measure_parallel(measured: MeasuredEnvironment, rounds: int, results: Results) -> None:
    _measure_workers(measured, results, "parallel", workers=8, calls_each=50, batches=max(2, rounds // 10))
    _measure_workers(measured, results, "many", workers=32, calls_each=313, batches=1)
    _measure_all_at_once(measured, rounds, results)


def _measure_workers(
    measured: MeasuredEnvironment, results: Results, key: str, *, workers: int, calls_each: int, batches: int
) -> None:
    def batch(program: str) -> Callable[[], float]:
        return lambda: parallel.calls_per_second([program], workers=workers, calls=calls_each)

    ways = {"native": batch(calls.NATIVE), "environment": batch(measured.true)}
    samples = _interleaved(f"calls of {workers} workers", ways, batches)
    native = samples["native"].median
    figures = (
        Figure("native", "natively", samples["native"], 1.0),
        Figure("environment", "ENV/bin/true", samples["environment"], samples["environment"].median / native),
    )
    title = f"calls a second, {workers} workers ({batches} batches of {workers * calls_each}, every status 0)"
    results.sections.append(Section(key, title, "/s", figures, "ratio"))


def _measure_all_at_once(measured: MeasuredEnvironment, rounds: int, results: Results) -> None:
    turns = max(1, rounds // 50)
    linked = os.path.join(measured.bin, "sh")
    subprocess.run([CLEANENV, "link", "-e", measured.path, "/bin/sh"], check=True)
    ways = {
        "native": lambda: parallel.seconds_of_all_at_once("/bin/sh", AT_ONCE),
        "environment": lambda: parallel.seconds_of_all_at_once(linked, AT_ONCE),
    }
    samples = _interleaved("programs at once", ways, turns)
    native = samples["native"].median
    figures = (
        Figure("native", "natively", samples["native"], 1.0),
        Figure("environment", "ENV/bin/sh", samples["environment"], samples["environment"].median / native),
    )
    title = f"{AT_ONCE} programs at the same time ({turns} rounds, every status right)"
    results.sections.append(Section("at_once", title, "s", figures, "ratio"))


def _measure_streams(measured: MeasuredEnvironment, rounds: int, results: Results) -> None:
    turns = max(1, rounds // 100)
    linked = os.path.join(measured.bin, "cat")
    subprocess.run([CLEANENV, "link", "-e", measured.path, "/bin/cat"], check=True)
    samples = _interleaved(
        "streams",
        {
            "native": lambda: streams.gigabytes_per_second("/bin/cat", STREAM_BYTES),
            "environment": lambda: streams.gigabytes_per_second(linked, STREAM_BYTES),
        },
        turns,
    )
    native = samples["native"].median
    figures = (
        Figure("native", "natively", samples["native"], 1.0),
        Figure("environment", "ENV/bin/cat", samples["environment"], samples["environment"].median / native),
    )
    title = f"{STREAM_BYTES // 10**9} GB through `cat`, from a pipe into a pipe ({turns} rounds, in turns)"
    results.sections.append(Section("streams", title, "GB/s", figures, "ratio"))


def _measure_text(measured: MeasuredEnvironment, rounds: int, results: Results) -> None:
    turns = max(1, rounds // 20)
    linked = os.path.join(measured.bin, "cat")
    subprocess.run([CLEANENV, "link", "-e", measured.path, "/bin/cat"], check=True)
    # Below /tmp, which is /tmp in the container: where it is memory on the host, the file is.
    with tempfile.NamedTemporaryFile("w", prefix="cleanenv-bench.", dir="/tmp") as file:
        file.write(streams.DIAGNOSTICS * (TEXT_BYTES // len(streams.DIAGNOSTICS)))
        file.flush()
        samples = _interleaved(
            "text",
            {
                "native": lambda: streams.text_gigabytes_per_second("/bin/cat", file.name, TEXT_TIMES, ""),
                "off": lambda: streams.text_gigabytes_per_second(linked, file.name, TEXT_TIMES, "off"),
                "on": lambda: streams.text_gigabytes_per_second(linked, file.name, TEXT_TIMES, "stdout"),
            },
            turns,
        )
    native = samples["native"].median
    figures = (
        Figure("native", "natively", samples["native"], 1.0),
        Figure("off", "ENV/bin/cat", samples["off"], samples["off"].median / native),
        Figure("on", "ENV/bin/cat, CLEANENV_TEXT=stdout", samples["on"], samples["on"].median / native),
    )
    title = f"{TEXT_BYTES * TEXT_TIMES / 1e9:.1f} GB of diagnostics by `cat` into a pipe ({turns} rounds, in turns)"
    results.sections.append(Section("text", title, "GB/s", figures, "ratio"))


def _measure_lookups(measured: MeasuredEnvironment, rounds: int, results: Results) -> None:
    with tempfile.TemporaryDirectory(prefix="cleanenv-bench.", dir="/var/tmp") as ordinary:
        samples = _interleaved(
            "lookups",
            {
                "missing": lookups.missing_name(measured.bin),
                "missing_ordinary": lookups.missing_name(ordinary),
                "present": lookups.present_name(measured.true),
                "present_ordinary": lookups.present_name(calls.NATIVE),
            },
            rounds,
        )
    titles = {
        "missing": "missing name, live directory",
        "missing_ordinary": "missing name, ordinary directory",
        "present": "stat of a program, live directory",
        "present_ordinary": "stat of a program, ordinary directory",
    }
    figures = tuple(Figure(key, title, samples[key]) for key, title in titles.items())
    title = f"one lookup of a name ({rounds} rounds of 100, in turns)"
    results.sections.append(Section("lookups", title, "µs", figures))


def _measure_commands(measured: MeasuredEnvironment, rounds: int, results: Results) -> None:
    del measured
    commands = {
        "python": ("python -c pass", [sys.executable, "-c", "pass"]),
        "version": ("cleanenv --version", [CLEANENV, "--version"]),
        "list": ("cleanenv list", [CLEANENV, "list"]),
    }
    turns = max(2, rounds // 5)
    measures = {key: _timed(command) for key, (_, command) in commands.items()}
    samples = _interleaved("commands", measures, turns)
    figures = tuple(Figure(key, title, samples[key]) for key, (title, _) in commands.items())
    title = f"start of a command ({turns} rounds, in turns)"
    results.sections.append(Section("commands", title, "ms", figures))


def _timed(command: list[str]) -> Callable[[], float]:
    return lambda: spawn.milliseconds(command)


def _measure_activation(measured: MeasuredEnvironment, rounds: int, results: Results) -> None:
    turns = max(2, rounds // 10)
    with activation.ways(measured) as measures:
        samples = _interleaved("activation", measures, turns)
    figures = tuple(
        Figure(key, title, samples[key])
        if key in samples
        else Figure(key, title, note="not measured, no docker client")
        for key, title in activation.TITLES.items()
    )
    results.sections.append(Section("activation", f"entering an environment in bash ({turns} rounds)", "ms", figures))


def _measure_memory(measured: MeasuredEnvironment, rounds: int, results: Results) -> None:
    del rounds
    processes = {
        "server": ("environment server", memory.server_process(measured)),
        "agent": ("agent", measured.agent),
    }
    figures = tuple(
        Figure(key, title, Sample((memory.resident_megabytes(pid),))) for key, (title, pid) in processes.items()
    )
    results.sections.append(Section("memory", "resident memory, after all of the above", "MB", figures))


def _measure_active(measured: MeasuredEnvironment, rounds: int, results: Results) -> None:
    del measured
    with _progress(f"{active.COUNT} environments", 2 * active.COUNT) as advance:
        results.sections += active.sections(rounds, advance)


def _measure_snapshots(measured: MeasuredEnvironment, rounds: int, results: Results) -> None:
    turns = max(2, rounds // 20)
    # Of its own: the measured one may be somebody's, whose history this is not.
    with environment.made(measured.image) as own, contextlib.closing(snapshots.SnapshotCosts(own)) as costs:

        def changed(megabytes: int, measure: Callable[[], float]) -> Callable[[], float]:
            def changed_and_measured() -> float:
                costs.change(megabytes)
                return measure()

            return changed_and_measured

        ways = {}
        for megabytes in SNAPSHOT_MEGABYTES:
            ways[f"engine_{megabytes}"] = changed(megabytes, costs.engines_commit)
            ways[f"create_{megabytes}"] = changed(megabytes, costs.create)
        samples = _interleaved("snapshots", ways, turns)
        costs.create()
        ways = {"start": costs.engines_start, "restore": costs.restore}
        samples |= _interleaved("restoring", ways, max(2, rounds // 10))
        with snapshots.listing(own) as list_all:
            samples |= _interleaved("a list", {"list": list_all}, max(2, rounds // 10))
    figures = []
    for megabytes in SNAPSHOT_MEGABYTES:
        engine, create = (samples[f"{key}_{megabytes}"] for key in ("engine", "create"))
        figures.append(Figure(f"engine_{megabytes}", f"the engine's commit of {megabytes} MB", engine, 1.0))
        title = f"snapshot create of {megabytes} MB"
        figures.append(Figure(f"create_{megabytes}", title, create, create.median / engine.median))
    start, restored = samples["start"], samples["restore"]
    figures.append(Figure("start", "the engine's create and start", start, 1.0))
    figures.append(Figure("restore", "snapshot restore", restored, restored.median / start.median))
    title = f"snapshots, beside the start of Python ({turns} rounds, in turns)"
    results.sections.append(Section("snapshots", title, "s", tuple(figures), "ratio"))
    listed = Figure("list", f"list of {snapshots.COUNT} snapshots", samples["list"])
    results.sections.append(Section("snapshot_list", "cleanenv snapshot list", "ms", (listed,)))


_MEASURES = {
    "calls": _measure_calls,
    "mapping": _measure_mapping,
    "parallel": _measure_parallel,
    "streams": _measure_streams,
    "text": _measure_text,
    "lookups": _measure_lookups,
    "commands": _measure_commands,
    "activation": _measure_activation,
    "memory": _measure_memory,
    "active": _measure_active,
    "snapshots": _measure_snapshots,
}


def _interleaved(what: str, measures: dict[str, Callable[[], float]], rounds: int) -> dict[str, Sample]:
    warm_up = max(1, rounds // 10)
    with _progress(what, warm_up + rounds) as advance:
        return interleave(measures, rounds=rounds, warm_up=warm_up, on_round=advance)


def _targets(results: Results) -> list[Target]:
    native, through = results.median("calls", "native"), results.median("calls", "environment")
    targets = []
    if native is not None and through is not None:
        targets += at_most("ENV/bin/true ÷ natively", through / native, 1.5)
        for key, bound in (("docker", 50.0), ("nsenter", 1.0)):
            other = results.median("calls", key)
            if other is not None:
                name = {"docker": "docker exec", "nsenter": "nsenter"}[key]
                targets += at_least(f"{name} ÷ ENV/bin/true", other / through, bound)
    none, compiler = results.median("mapping", "none"), results.median("mapping", "compiler")
    if none is not None and compiler is not None:
        targets += at_most(f"mapping {mapping.ARGUMENTS} arguments, µs", compiler - none, 100)
    targets += at_most("cleanenv --version, ms", results.median("commands", "version"), 100)
    shell, warm, start, cold = (results.median("activation", key) for key in activation.TITLES)
    if shell is not None and warm is not None:
        targets += at_most("warm activation adds, ms", warm - shell, 50)
    if start is not None and cold is not None:
        targets += at_most("cold activation ÷ docker start", cold / start, 1.5)
    targets += at_least("text that is mapped, GB/s", results.median("text", "on"), 1)
    targets += at_most("environment server, MB", results.median("memory", "server"), 30)
    targets += at_most(f"list of {active.COUNT} active, ms", results.median("active_list", "list"), 300)
    targets += _snapshot_targets(results)
    return targets


def _snapshot_targets(results: Results) -> list[Target]:
    targets = []
    for megabytes in SNAPSHOT_MEGABYTES:
        engine, create = (results.median("snapshots", f"{key}_{megabytes}") for key in ("engine", "create"))
        if engine is not None and create is not None:
            targets += at_most(f"snapshot of {megabytes} MB ÷ the engine's", create / engine, 1.1)
    start, restored = results.median("snapshots", "start"), results.median("snapshots", "restore")
    if start is not None and restored is not None:
        targets += at_most("restore ÷ create and start", restored / start, 1.1)
    return targets + at_most(f"list of {snapshots.COUNT} snapshots, ms", results.median("snapshot_list", "list"), 300)


@contextlib.contextmanager
def _progress(what: str, total: int) -> Iterator[Callable[[], None]]:
    """A line on a terminal that says how far it is, drawn between the rounds: no thread disturbs them."""
    console = Console(stderr=True)
    if not console.is_terminal or console.is_dumb_terminal:
        yield lambda: None
        return
    text = TextColumn("measuring {task.description}: {task.percentage:.0f} %")
    with Progress(text, TimeElapsedColumn(), console=console, transient=True, auto_refresh=False) as progress:
        task = progress.add_task(what, total=total)
        drawn = time.monotonic()

        def advance() -> None:
            nonlocal drawn
            progress.update(task, advance=1)
            if time.monotonic() - drawn > 0.5:
                progress.refresh()
                drawn = time.monotonic()

        yield advance


def _processor() -> str:
    with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
        for line in file:
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return value.strip()
    return platform.machine()


def _system() -> str:
    with contextlib.suppress(OSError):
        return platform.freedesktop_os_release().get("PRETTY_NAME", "Linux")
    return "Linux"


def _load() -> str:
    one, five, _ = os.getloadavg()
    return f"{one:.2f} (one minute), {five:.2f} (five)"


if __name__ == "__main__":
    sys.exit(main())
