//! What the fuzzer keeps in the repository.

use std::fs;
use std::path::Path;

use crate::targets;

/// Runs all that is kept of a target.
fn replay(target: &str, run: impl Fn(&[u8]) -> u64) {
    let all = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzzing");
    let mut files = 0;
    for kept in [all.join("corpus").join(target), all.join("finds").join(target)] {
        for file in fs::read_dir(kept).into_iter().flatten() {
            let file = file.expect("a file").path();
            println!("{}", file.display());
            run(&fs::read(file).expect("its bytes"));
            files += 1;
        }
    }
    assert_ne!(files, 0, "nothing is kept of {target}");
}

#[test]
fn what_is_kept_of_decode() {
    replay("decode", targets::decode::run);
}

#[test]
fn what_is_kept_of_bytes() {
    replay("bytes", targets::bytes::run);
}

#[test]
fn what_is_kept_of_operations() {
    replay("operations", targets::operations::run);
}
