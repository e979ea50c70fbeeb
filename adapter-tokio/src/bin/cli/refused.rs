//! Options of mosquitto's programs that these do not have.

use super::failure::Failure;

/// What each would need.
static REFUSED: [(&[&str], &str); 8] = [
    (&["-A"], "the client does not choose the address that it connects from"),
    (&["-S"], "the client does not look for SRV records"),
    (&["--insecure"], "the client has no TLS that trusts everybody: give the CA with --cafile"),
    (&["--ciphers", "--tls-version"], "rustls chooses among the safe ones by itself"),
    (&["--tls-engine", "--tls-engine-kpass-sha1", "--keyform"], "rustls has no engines"),
    (&["--psk", "--psk-identity"], "rustls has no pre-shared keys"),
    (&["--pretty"], "JSON is written in one line"),
    (&["-o"], "there is no file of options: let the shell put them in"),
];

/// Says why there is no such option.
pub(crate) fn refuse(option: &str) -> Failure {
    let known = REFUSED.iter().find(|(names, _)| names.contains(&option));
    match known {
        Some((_, why)) => Failure::new(format_args!("{option} is not supported: {why}")),
        None => Failure::new(format_args!("unknown option {option}")),
    }
}
