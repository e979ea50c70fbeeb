//! Plants faults, one at a time, and says which suite catches each: what no suite catches is a hole in
//! the tests.
//!
//!     cargo run -p mqtt-as-tests --example planted               all of tests/planted
//!     cargo run -p mqtt-as-tests --example planted -- DUP timer  those whose name has one of the words
//!     cargo run -p mqtt-as-tests --example planted -- core.faults  those of a file
//!     cargo run -p mqtt-as-tests --example planted -- --by random DUP  whether that suite alone catches them
//!     cargo run -p mqtt-as-tests --example planted -- --check    only whether all can be planted still
//!
//! It works on a copy of the tree in `target/planted`. Each fault is a text that stands once in a file,
//! and what takes its place. A whole run takes an hour or two.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;
use std::{env, fs};

/// A suite: the quickest to build comes first.
struct Suite {
    name: &'static str,
    arguments: &'static [&'static str],
    /// Whether the core alone is in it: then no fault of the client can be seen.
    is_of_core: bool,
}

const SUITES: [Suite; 11] = [
    of_core("units", &["-p", "mqtt-as-proto", "--features", "bytes", "--lib"]),
    of_core("core", &["-p", "mqtt-as-proto", "--features", "bytes", "--tests"]),
    of_all("client", &["-p", "mqtt-as-client", "--features", "alloc", "--lib"]),
    of_core("arbitrary", &["-p", "mqtt-as-tests", "--test", "arbitrary"]),
    of_all("driver", &["-p", "mqtt-as-tests", "--test", "driver"]),
    of_all("races", &["-p", "mqtt-as-tests", "--test", "races"]),
    of_all("random", &["-p", "mqtt-as-tests", "--test", "random"]),
    of_core(
        "worlds",
        &["--release", "-p", "mqtt-as-proto", "--features", "bytes", "--lib", "worlds"],
    ),
    of_all("attacked", &["-p", "mqtt-as-tests", "--test", "attacked"]),
    of_all("on_tokio", &["-p", "mqtt-as-tests", "--test", "on_tokio"]),
    of_all("no heap", &["--manifest-path", "tests/no-alloc/Cargo.toml"]),
];

const fn of_core(name: &'static str, arguments: &'static [&'static str]) -> Suite {
    Suite { name, arguments, is_of_core: true }
}

const fn of_all(name: &'static str, arguments: &'static [&'static str]) -> Suite {
    Suite { name, arguments, is_of_core: false }
}

/// A suite that has not ended by then has caught a fault, too: something waits for ever.
const PATIENCE: &str = "600s";

struct Fault {
    /// The file of faults that it stands in.
    list: String,
    name: String,
    file: PathBuf,
    old: String,
    new: String,
}

enum Verdict {
    Caught(&'static str),
    Escaped,
    DoesNotCompile,
}

fn main() -> ExitCode {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace");
    let mut words: Vec<String> = env::args().skip(1).collect();
    let by = words.iter().position(|word| word == "--by").map(|at| {
        let name = words.drain(at..(at + 2).min(words.len())).next_back().unwrap_or_default();
        SUITES.iter().find(|suite| suite.name == name).expect("the name of a suite")
    });
    let faults = read(&root.join("tests/planted"));
    let misplaced = faults.iter().filter(|fault| !fault.fits(root)).count();
    if misplaced != 0 || words.iter().any(|word| word == "--check") {
        println!("{} faults, of which {misplaced} cannot be planted", faults.len());
        return if misplaced == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }
    let is_wanted = |fault: &&Fault| {
        words.is_empty()
            || words.iter().any(|word| fault.name.contains(&**word) || fault.list == *word)
    };
    let wanted: Vec<_> = faults.iter().filter(is_wanted).collect();
    let tree = copy(root);
    let mut holes = 0;
    for (number, fault) in wanted.iter().enumerate() {
        let begin = Instant::now();
        let verdict = fault.try_in(&tree, by);
        let said = match verdict {
            Verdict::Caught(suite) => suite,
            Verdict::Escaped => "NOTHING",
            Verdict::DoesNotCompile => "DOES NOT COMPILE",
        };
        holes += usize::from(!matches!(verdict, Verdict::Caught(_)));
        println!(
            "{}/{}\t{}\t{said}\t{} s",
            number + 1,
            wanted.len(),
            fault.name,
            begin.elapsed().as_secs()
        );
    }
    println!("{} faults, {holes} not caught", wanted.len());
    if holes == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The faults of all files in a folder.
fn read(folder: &Path) -> Vec<Fault> {
    let mut files: Vec<_> = fs::read_dir(folder)
        .expect("the faults")
        .map(|file| file.expect("a file").path())
        .collect();
    files.sort();
    let faults = files.iter().flat_map(|file| {
        let list = file.file_name().unwrap_or_default().to_string_lossy();
        let text = fs::read_to_string(file).expect("a text");
        text.split("\n= ").skip(1).map(|text| Fault::parse(&list, text)).collect::<Vec<_>>()
    });
    faults.collect()
}

impl Fault {
    fn parse(list: &str, text: &str) -> Self {
        let parts = || {
            let (name, rest) = text.split_once('\n')?;
            let (file, rest) = rest.split_once("\n<<<<\n")?;
            let (old, rest) = rest.split_once("====\n")?;
            Some((name, file, old, rest.split_once(">>>>")?.0))
        };
        let (name, file, old, new) = parts().unwrap_or_else(|| panic!("no fault: {text}"));
        Self {
            list: list.into(),
            name: name.into(),
            file: file.into(),
            old: old.into(),
            new: new.into(),
        }
    }

    /// Whether its text stands in its file, once.
    fn fits(&self, tree: &Path) -> bool {
        let text = fs::read_to_string(tree.join(&self.file)).unwrap_or_default();
        let times = text.matches(&self.old).count();
        if times != 1 {
            println!("{times} times in {}, not once: {}", self.file.display(), self.name);
        }
        times == 1
    }

    fn try_in(&self, tree: &Path, by: Option<&Suite>) -> Verdict {
        let file = tree.join(&self.file);
        let before = fs::read_to_string(&file).expect("its file");
        fs::write(&file, before.replacen(&self.old, &self.new, 1)).expect("planted");
        let verdict = judge(tree, self.file.starts_with("mqtt-proto"), by);
        fs::write(&file, before).expect("taken out again");
        verdict
    }
}

/// By all suites that can see the fault, or by one of them.
fn judge(tree: &Path, is_in_core: bool, by: Option<&Suite>) -> Verdict {
    let all = SUITES.iter().filter(|suite| is_in_core || !suite.is_of_core);
    let mut asked = all.filter(|suite| by.is_none_or(|by| by.name == suite.name));
    match asked.find(|suite| !suite.run(tree, &[])) {
        Some(suite) if suite.run(tree, &["--no-run"]) => Verdict::Caught(suite.name),
        Some(_) => Verdict::DoesNotCompile,
        None => Verdict::Escaped,
    }
}

impl Suite {
    /// Lives that are long and quick to live are as many as find what CI's tenfold finds.
    fn seeds(&self) -> &'static str {
        if self.name == "random" { "2000" } else { "300" }
    }

    fn run(&self, tree: &Path, more: &[&str]) -> bool {
        let mut cargo = Command::new("timeout"); // It ends what cargo has started, too.
        cargo.args([PATIENCE, "cargo", "test", "--quiet"]).args(self.arguments).args(more);
        cargo
            .env("CARGO_TARGET_DIR", tree.with_file_name("target"))
            .env("MQTT_AS_SEEDS", self.seeds());
        cargo.env("CARGO_PROFILE_DEV_DEBUG", "0"); // Quicker to build.
        cargo.current_dir(tree).stdout(Stdio::null()).stderr(Stdio::null());
        cargo.status().expect("cargo").success()
    }
}

/// A copy of all files that git knows.
fn copy(root: &Path) -> PathBuf {
    let tree = root.join("target/planted/tree");
    let listed =
        Command::new("git").args(["ls-files", "-z"]).current_dir(root).output().expect("git");
    for name in String::from_utf8_lossy(&listed.stdout).split('\0').filter(|name| !name.is_empty())
    {
        let (from, to) = (root.join(name), tree.join(name));
        fs::create_dir_all(to.parent().expect("a folder")).expect("made");
        if fs::read(&from).ok() != fs::read(&to).ok() {
            fs::copy(from, to).expect("copied");
        }
    }
    tree
}
