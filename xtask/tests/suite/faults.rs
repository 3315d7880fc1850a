//! Runs that are killed, cut off or in each other's way: the target is as it was, and the next
//! run succeeds. Nothing here waits for a time: a run stands still at a known place, because a
//! trigger or a lock of the test holds it there.

mod postgres;
#[cfg(unix)]
mod programs;
#[cfg(unix)]
mod silence;
mod sqlite;
