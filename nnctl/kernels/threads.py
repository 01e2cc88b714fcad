"""The threads that parallel kernels run on: nnctl's own, for the machines of people who have other work too.

Numba's layers start and end a parallel loop with all threads meeting at a barrier. Where another process
wants one of the cores, every meeting waits until the scheduler gives the last thread its turn:
milliseconds, for kernels that take microseconds. Here a loop is a list of parts and a counter. The calling
thread takes parts until none is left and then waits only for those parts that others have taken; a worker
that did not get a core in time finds nothing to do, and nobody waited for it.

The counter is one 64-bit word: the job's number, how many parts it has, the next part. A worker takes a part
by compare-and-swap, so it cannot take one of a job that is over, whatever it read before. Waiting threads
spin for some 30 microseconds, then sleep in the kernel (futex).

Which thread runs which part changes no result: parts follow from shapes only and write what is theirs.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import platform
import sys
import threading
from collections.abc import Iterator
from typing import Any

_FUTEX = {"x86_64": 202, "aarch64": 98}
"""The number of the futex system call, by machine."""
_PAUSE = {"x86_64": "pause", "aarch64": "yield"}

WORKER_SPINS = 1500
"""Looks at the counter before a worker sleeps (some 30 us)."""
CALLER_SPINS = 600
"""Looks at the parts still running before the caller sleeps, which frees its core for them."""

_IR = """
@POOL = global [72 x i64] zeroinitializer, align 64

declare i64 @syscall(i64, ...)
declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)

define internal void @part(ptr %fn, ptr %args, ptr %dims, ptr %steps, ptr %data,
                           i64 %rank, i64 %arrays, i64 %r) noinline {
entry:
  %count = alloca i64, i64 %rank
  %space = alloca ptr, i64 %arrays
  %bytes = shl i64 %rank, 3
  call void @llvm.memcpy.p0.p0.i64(ptr %count, ptr %dims, i64 %bytes, i1 false)
  store i64 1, ptr %count
  br label %head
head:
  %j = phi i64 [0, %entry], [%j1, %body]
  %more = icmp ult i64 %j, %arrays
  br i1 %more, label %body, label %run
body:
  %base_at = getelementptr ptr, ptr %args, i64 %j
  %base = load ptr, ptr %base_at
  %step_at = getelementptr i64, ptr %steps, i64 %j
  %step = load i64, ptr %step_at
  %offset = mul i64 %step, %r
  %moved = getelementptr i8, ptr %base, i64 %offset
  %slot = getelementptr ptr, ptr %space, i64 %j
  store ptr %moved, ptr %slot
  %j1 = add i64 %j, 1
  br label %head
run:
  call void %fn(ptr %space, ptr %count, ptr %steps, ptr %data)
  ret void
}

; Take one part of the current job and run it. 1: done; 0: nothing to take; 2: someone else was quicker.
define internal i32 @take() noinline {
  %ticket = load atomic i64, ptr @POOL seq_cst, align 8
  %next = and i64 %ticket, 65535
  %upper = lshr i64 %ticket, 16
  %size = and i64 %upper, 65535
  %left = icmp ult i64 %next, %size
  br i1 %left, label %read, label %nothing
nothing:
  ret i32 0
read:
  %fn_at = getelementptr i64, ptr @POOL, i64 16
  %fn = load atomic ptr, ptr %fn_at monotonic, align 8
  %args_at = getelementptr i64, ptr @POOL, i64 17
  %args = load atomic ptr, ptr %args_at monotonic, align 8
  %dims_at = getelementptr i64, ptr @POOL, i64 18
  %dims = load atomic ptr, ptr %dims_at monotonic, align 8
  %steps_at = getelementptr i64, ptr @POOL, i64 19
  %steps = load atomic ptr, ptr %steps_at monotonic, align 8
  %data_at = getelementptr i64, ptr @POOL, i64 20
  %data = load atomic ptr, ptr %data_at monotonic, align 8
  %rank_at = getelementptr i64, ptr @POOL, i64 21
  %rank = load atomic i64, ptr %rank_at monotonic, align 8
  %arrays_at = getelementptr i64, ptr @POOL, i64 22
  %arrays = load atomic i64, ptr %arrays_at monotonic, align 8
  %after = add i64 %ticket, 1
  %swap = cmpxchg ptr @POOL, i64 %ticket, i64 %after seq_cst seq_cst
  %won = extractvalue { i64, i1 } %swap, 1
  br i1 %won, label %mine, label %lost
lost:
  ret i32 2
mine:
  call void @part(ptr %fn, ptr %args, ptr %dims, ptr %steps, ptr %data, i64 %rank, i64 %arrays, i64 %next)
  %done_at = getelementptr i64, ptr @POOL, i64 8
  %before = atomicrmw add ptr %done_at, i32 1 seq_cst
  %now = add i32 %before, 1
  %size32 = trunc i64 %size to i32
  %last = icmp eq i32 %now, %size32
  br i1 %last, label %tell, label %back
tell:
  %waiting_at = getelementptr i64, ptr @POOL, i64 24
  %waiting = load atomic i32, ptr %waiting_at seq_cst, align 4
  %sleeps = icmp ne i32 %waiting, 0
  br i1 %sleeps, label %wake, label %back
wake:
  call i64 (i64, ...) @syscall(i64 FUTEX, ptr %done_at, i64 129, i64 1, ptr null, ptr null, i64 0)
  br label %back
back:
  ret i32 1
}

define internal void @serial(ptr %fn, ptr %args, ptr %dims, ptr %steps, ptr %data, i64 %rank, i64 %arrays) {
entry:
  %size = load i64, ptr %dims
  br label %head
head:
  %r = phi i64 [0, %entry], [%r1, %body]
  %more = icmp ult i64 %r, %size
  br i1 %more, label %body, label %end
body:
  call void @part(ptr %fn, ptr %args, ptr %dims, ptr %steps, ptr %data, i64 %rank, i64 %arrays, i64 %r)
  %r1 = add i64 %r, 1
  br label %head
end:
  ret void
}

define void @nnctl_parallel_for(ptr %fn, ptr %args, ptr %dims, ptr %steps, ptr %data,
                                i64 %inner, i64 %arrays, i64 %threads) {
entry:
  %rank = add i64 %inner, 1
  %size = load i64, ptr %dims
  %few = icmp ult i64 %size, 2
  %many = icmp ugt i64 %size, 65535
  %odd = or i1 %few, %many
  br i1 %odd, label %alone, label %try
try:
  %busy_at = getelementptr i64, ptr @POOL, i64 40
  %claim = cmpxchg ptr %busy_at, i64 0, i64 1 seq_cst seq_cst
  %free = extractvalue { i64, i1 } %claim, 1
  br i1 %free, label %publish, label %alone
alone:
  call void @serial(ptr %fn, ptr %args, ptr %dims, ptr %steps, ptr %data, i64 %rank, i64 %arrays)
  ret void
publish:
  %fn_at = getelementptr i64, ptr @POOL, i64 16
  store atomic ptr %fn, ptr %fn_at monotonic, align 8
  %args_at = getelementptr i64, ptr @POOL, i64 17
  store atomic ptr %args, ptr %args_at monotonic, align 8
  %dims_at = getelementptr i64, ptr @POOL, i64 18
  store atomic ptr %dims, ptr %dims_at monotonic, align 8
  %steps_at = getelementptr i64, ptr @POOL, i64 19
  store atomic ptr %steps, ptr %steps_at monotonic, align 8
  %data_at = getelementptr i64, ptr @POOL, i64 20
  store atomic ptr %data, ptr %data_at monotonic, align 8
  %rank_at = getelementptr i64, ptr @POOL, i64 21
  store atomic i64 %rank, ptr %rank_at monotonic, align 8
  %arrays_at = getelementptr i64, ptr @POOL, i64 22
  store atomic i64 %arrays, ptr %arrays_at monotonic, align 8
  %done_at = getelementptr i64, ptr @POOL, i64 8
  store atomic i32 0, ptr %done_at seq_cst, align 4
  %waiting_at = getelementptr i64, ptr @POOL, i64 24
  store atomic i32 0, ptr %waiting_at seq_cst, align 4
  %old = load atomic i64, ptr @POOL seq_cst, align 8
  %job = lshr i64 %old, 32
  %job1 = add i64 %job, 1
  %high = shl i64 %job1, 32
  %sized = shl i64 %size, 16
  %ticket = or i64 %high, %sized
  store atomic i64 %ticket, ptr @POOL seq_cst, align 8
  %sleepers_at = getelementptr i64, ptr @POOL, i64 32
  %sleepers = load atomic i32, ptr %sleepers_at seq_cst, align 4
  %any = icmp ne i32 %sleepers, 0
  br i1 %any, label %wake, label %work
wake:
  %job_at = getelementptr i8, ptr @POOL, i64 4
  %helpers = sub i64 %size, 1
  call i64 (i64, ...) @syscall(i64 FUTEX, ptr %job_at, i64 129, i64 %helpers, ptr null, ptr null, i64 0)
  br label %work
work:
  %took = call i32 @take()
  %none = icmp eq i32 %took, 0
  br i1 %none, label %wait, label %work
wait:
  %spins = phi i32 [0, %work], [%spins1, %again]
  %done = load atomic i32, ptr %done_at seq_cst, align 4
  %size32 = trunc i64 %size to i32
  %all = icmp eq i32 %done, %size32
  br i1 %all, label %finish, label %unfinished
unfinished:
  %patient = icmp ult i32 %spins, CALLER_SPINS
  br i1 %patient, label %again, label %sleep
again:
  call void asm sideeffect "PAUSE", ""()
  %spins1 = add i32 %spins, 1
  br label %wait
sleep:
  store atomic i32 1, ptr %waiting_at seq_cst, align 4
  %seen = load atomic i32, ptr %done_at seq_cst, align 4
  %over = icmp eq i32 %seen, %size32
  br i1 %over, label %finish, label %doze
doze:
  %seen64 = zext i32 %seen to i64
  call i64 (i64, ...) @syscall(i64 FUTEX, ptr %done_at, i64 128, i64 %seen64, ptr null, ptr null, i64 0)
  br label %sleep
finish:
  store atomic i64 0, ptr %busy_at seq_cst, align 8
  ret void
}

define void @nnctl_work() {
entry:
  %stop_at = getelementptr i64, ptr @POOL, i64 48
  %sleepers_at = getelementptr i64, ptr @POOL, i64 32
  %job_at = getelementptr i8, ptr @POOL, i64 4
  br label %loop
loop:
  %spins = phi i32 [0, %entry], [0, %took], [%spins1, %rest], [0, %woken]
  %stop = load atomic i64, ptr %stop_at seq_cst, align 8
  %stopped = icmp ne i64 %stop, 0
  br i1 %stopped, label %end, label %look
look:
  %got = call i32 @take()
  %something = icmp ne i32 %got, 0
  br i1 %something, label %took, label %idle
took:
  br label %loop
idle:
  %patient = icmp ult i32 %spins, WORKER_SPINS
  br i1 %patient, label %rest, label %bed
rest:
  call void asm sideeffect "PAUSE", ""()
  %spins1 = add i32 %spins, 1
  br label %loop
bed:
  %ticket = load atomic i64, ptr @POOL seq_cst, align 8
  %before = atomicrmw add ptr %sleepers_at, i32 1 seq_cst
  %again = load atomic i64, ptr @POOL seq_cst, align 8
  %next = and i64 %again, 65535
  %upper = lshr i64 %again, 16
  %size = and i64 %upper, 65535
  %empty = icmp uge i64 %next, %size
  br i1 %empty, label %sleep, label %up
sleep:
  %job = lshr i64 %again, 32
  call i64 (i64, ...) @syscall(i64 FUTEX, ptr %job_at, i64 128, i64 %job, ptr null, ptr null, i64 0)
  br label %up
up:
  %after = atomicrmw sub ptr %sleepers_at, i32 1 seq_cst
  br label %woken
woken:
  br label %loop
end:
  ret void
}
"""

_lock = threading.Lock()
_pool: dict[str, Any] = {}


def install(threads: int) -> bool:
    """Have parallel kernels run on nnctl's own threads: the caller and `threads` - 1 workers.

    Call it after Numba's threading is up and before the first parallel kernel is loaded. A second call adds
    workers where more are wanted.

    Returns:
        Whether it is in place; where it is not (other systems than Linux), Numba's own threads are used.
    """
    if sys.platform != "linux" or platform.machine() not in _FUTEX or sys.byteorder != "little":
        return False
    with _lock:
        if not _pool:
            _pool.update(_compile())
        while len(_pool["workers"]) < threads - 1:
            worker = threading.Thread(target=_pool["work"], name="nnctl-worker", daemon=True)
            worker.start()
            _pool["workers"].append(worker)
    return True


@contextlib.contextmanager
def spread() -> Iterator[None]:
    """Where all cores are used, give the caller and each worker one of its own while this lasts.

    The scheduler likes to wake a thread on the core of the thread that wakes it, where a worker stands in the
    caller's way; and another busy process then had best share a worker's core, which nobody waits for. Where
    cores are left over it finds a free one by itself. Processes start at different cores, by their number.
    """
    cores = sorted(os.sched_getaffinity(0)) if _pool else []
    workers = [w.native_id for w in _pool.get("workers", ()) if w.native_id is not None]
    if len(workers) != len(cores) - 1 or not workers:
        yield
        return
    first, _pool["cores"] = os.getpid() % len(cores), cores
    try:
        for thread, core in zip([0, *workers], cores[first:] + cores[:first], strict=True):
            with contextlib.suppress(OSError):
                os.sched_setaffinity(thread, {core})
        yield
    finally:
        for thread in [0, *workers]:
            with contextlib.suppress(OSError):
                os.sched_setaffinity(thread, cores)


def roam() -> None:
    """Let the calling thread, which may have been started while `spread` lasts, run on any core."""
    if "cores" in _pool:
        with contextlib.suppress(OSError):
            os.sched_setaffinity(0, _pool["cores"])


def _compile() -> dict[str, Any]:
    """Machine code of the pool, and Numba's parallel loops pointed at it."""
    import llvmlite.binding as llvm

    from nnctl.kernels.native import machine_code

    machine, text = platform.machine(), _IR
    for name, value in (("FUTEX", _FUTEX[machine]), ("PAUSE", _PAUSE[machine])):
        text = text.replace(name, str(value))
    for name, value in (("WORKER_SPINS", WORKER_SPINS), ("CALLER_SPINS", CALLER_SPINS)):
        text = text.replace(name, str(value))
    engine = machine_code("threads", text)
    llvm.add_symbol("numba_parallel_for", engine.get_function_address("nnctl_parallel_for"))
    work = ctypes.CFUNCTYPE(None)(engine.get_function_address("nnctl_work"))
    return {"engine": engine, "work": work, "workers": []}
