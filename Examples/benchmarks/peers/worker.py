"""What the workers of `Examples/benchmarks --peers` share: the protocol and the clock.

A worker greets with one line of JSON, `{"versions": {...}}` or `{"missing": "..."}`, and then answers each line
on standard input with a line: to

    {"workload": "training step", "dimension": 2, "batch": 256, "minimumSeconds": 0.5, "memory": false}

with `{"secondsPerStep": ...}`, or `{"peakBytes": ..., "bytesBefore": ...}` where memory is asked for, or
`{"error": "..."}`. It ends with its input, and does nothing between answers.
"""

import argparse
import json
import os
import resource
import statistics
import sys
import time


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--compiled", action="store_true")
    parser.add_argument("--channels-last", action="store_true")
    return parser.parse_args()


def hold_to_cores(threads):
    """Keeps the process on so many cores, for libraries that take a thread for each core they see."""
    if hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, cores[:threads])


def say(message):
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def one_line(error):
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text[:160]}"


def memory(field):
    try:
        with open("/proc/self/status") as status:
            line = next(line for line in status if line.startswith(field))
        return int(line.split()[1]) * 1024
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def seconds_per_step(run, minimum):
    """The median time of a step; `run(n)` takes n steps and waits for their end."""
    start = time.perf_counter()
    run(1)
    first = time.perf_counter() - start
    count = max(1, int(5e-3 / first))
    samples, end = [], time.perf_counter() + minimum
    while not samples or time.perf_counter() < end:
        start = time.perf_counter()
        run(count)
        samples.append((time.perf_counter() - start) / count)
    return statistics.median(samples)


def serve(versions, make):
    """Answers requests; `make(workload, dimension, batch)` returns `run` as above."""
    made = {}

    def answer(request):
        key = (request["workload"], request["dimension"], request["batch"])
        if request.get("memory"):
            run = make(*key)
            before = memory("VmRSS:")
            run(2)
            return {"bytesBefore": before, "peakBytes": memory("VmHWM:")}
        if key not in made:
            run = make(*key)
            run(3)
            made[key] = run
        return {"secondsPerStep": seconds_per_step(made[key], request["minimumSeconds"])}

    say({"versions": versions})
    for line in sys.stdin:
        try:
            say(answer(json.loads(line)))
        except Exception as error:
            say({"error": one_line(error)})


def begin(main):
    """Runs a worker and says what it lacks."""
    options = arguments()
    try:
        main(options)
    except ImportError as error:
        say({"missing": str(error)})
