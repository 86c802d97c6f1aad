//! Reads the command line, runs one command, and turns its outcome into an exit code.

use std::process::ExitCode;

// Rows become many small allocations that one thread makes and another frees.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    chitra::cli::main()
}
