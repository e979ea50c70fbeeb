//! The frame around both programs: it reads the command line, runs, and ends.

use std::process::ExitCode;

use tokio::runtime::Builder;

use super::arguments::Arguments;
use super::failure::Failure;
use super::refused::refuse;
use super::settings::Settings;

/// A program, and what the command line said to it.
pub(crate) trait Program: Default {
    const NAME: &'static str;
    const HELP: &'static str;

    /// What both programs have.
    fn settings(&mut self) -> &mut Settings;

    /// Takes an option that only this program has; false if it has none of that name.
    fn take(&mut self, option: &str, arguments: &mut Arguments) -> Result<bool, Failure>;

    /// Looks at the whole of it.
    fn check(&mut self) -> Result<(), Failure>;

    /// Does what it is for.
    async fn run(self) -> Result<(), Failure>;
}

/// Runs the program.
pub(crate) fn main<P: Program>() -> ExitCode {
    let mut program = match read::<P>(Arguments::of_program()) {
        Ok(Wish::Run(program)) => program,
        Ok(Wish::Say(text)) => {
            print!("{text}");
            return ExitCode::SUCCESS;
        }
        Err(failure) => {
            eprintln!("{}: {}\nsee {} --help", P::NAME, failure.text, P::NAME);
            return ExitCode::from(failure.code);
        }
    };
    let is_quiet = program.settings().quiet;
    let Err(failure) = run(program) else { return ExitCode::SUCCESS };
    if !is_quiet {
        eprintln!("{}: {}", P::NAME, failure.text);
    }
    ExitCode::from(failure.code)
}

/// What the command line asks for.
enum Wish<P> {
    Run(P),
    Say(String),
}

fn read<P: Program>(mut arguments: Arguments) -> Result<Wish<P>, Failure> {
    let mut program = P::default();
    while let Some(option) = arguments.next()? {
        match option.as_str() {
            "--help" => return Ok(Wish::Say(format!("{}\n{}", P::HELP, Settings::HELP))),
            "--version" => return Ok(Wish::Say(version::<P>())),
            name => {
                let taken = program.settings().take(name, &mut arguments)?
                    || program.take(name, &mut arguments)?;
                if !taken {
                    return Err(refuse(name));
                }
            }
        }
    }
    program.settings().check()?;
    program.check()?;
    Ok(Wish::Run(program))
}

fn version<P: Program>() -> String {
    format!("{} {}\n", P::NAME, env!("CARGO_PKG_VERSION"))
}

/// One thread is enough for one connection.
fn run(program: impl Program) -> Result<(), Failure> {
    let runtime = Builder::new_current_thread().enable_all().build().map_err(Failure::new)?;
    let result = runtime.block_on(program.run());
    // A thread may be reading standard input, and nobody knows for how long.
    runtime.shutdown_background();
    result
}
