//! The program: reads the settings, runs one command.

use server::cli;

fn main() -> std::process::ExitCode {
    cli::main()
}
