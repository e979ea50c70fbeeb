//! Private parts beside models of them, for the fuzzer: public only where `cfg(fuzzing)` is set, which
//! `tests/fuzzing/run` does.

/// Operations on a log, or on an outbox, as bytes choose them: the first one the memory, two a step.
pub fn log(bytes: &[u8]) {
    match bytes.first() {
        Some(first) if first & 16 != 0 => crate::outbox::model::play(bytes),
        _ => crate::log::model::play(bytes),
    }
}

#[cfg(test)]
mod tests {
    use std::{env, fs, path};

    /// What the fuzzer found, and what it begins with, if this is the whole repository.
    #[test]
    fn what_the_fuzzer_keeps_agrees_with_the_models() {
        let all = path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fuzzing");
        for kept in [all.join("corpus/log"), all.join("finds/log")] {
            for file in fs::read_dir(kept).into_iter().flatten() {
                let file = file.unwrap().path();
                std::println!("{}", file.display());
                super::log(&fs::read(file).unwrap());
            }
        }
    }
}
