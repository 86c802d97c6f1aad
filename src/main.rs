//! Reads the command line, runs one command, and turns its outcome into an exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    chitra::cli::main()
}
