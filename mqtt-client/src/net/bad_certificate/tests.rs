use core::time::Duration;
use std::sync::Arc;
use std::vec;
use std::vec::Vec;

use futures_rustls::rustls::ExtendedKeyPurpose;
use futures_rustls::rustls::pki_types::{ServerName, UnixTime, alg_id};

use super::*;

fn moment(seconds: u64) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(seconds))
}

fn other(why: impl core::error::Error + Send + Sync + 'static) -> CertificateError {
    CertificateError::Other(OtherError(Arc::new(why)))
}

#[allow(deprecated, reason = "the verifier of rustls still makes them")]
fn of_rustls() -> Vec<CertificateError> {
    use CertificateError as E;
    let (time, later) = (moment(9), moment(10));
    let expected = ServerName::try_from("broker.example").expect("a name");
    vec![
        E::BadEncoding,
        E::Expired,
        E::ExpiredContext { time: later, not_after: time },
        E::NotValidYet,
        E::NotValidYetContext { time, not_before: later },
        E::Revoked,
        E::UnhandledCriticalExtension,
        E::UnknownIssuer,
        E::UnknownRevocationStatus,
        E::ExpiredRevocationList,
        E::ExpiredRevocationListContext { time: later, next_update: time },
        E::BadSignature,
        E::UnsupportedSignatureAlgorithm,
        E::UnsupportedSignatureAlgorithmContext {
            signature_algorithm_id: vec![1],
            supported_algorithms: vec![alg_id::ED25519],
        },
        E::UnsupportedSignatureAlgorithmForPublicKeyContext {
            signature_algorithm_id: vec![1],
            public_key_algorithm_id: vec![2],
        },
        E::NotValidForName,
        E::NotValidForNameContext { expected: expected.clone(), presented: Vec::new() },
        E::NotValidForNameContext { expected, presented: vec!["DnsName(\"other\")".into()] },
        E::InvalidPurpose,
        E::InvalidPurposeContext {
            required: ExtendedKeyPurpose::ServerAuth,
            presented: vec![ExtendedKeyPurpose::ClientAuth],
        },
        E::InvalidOcspResponse,
        E::ApplicationVerificationFailure,
    ]
}

/// What has no variant in rustls.
fn of_the_path() -> Vec<PathError> {
    use PathError as E;
    vec![
        E::CaUsedAsEndEntity,
        E::CertDistrusted,
        E::EmptyEkuExtension,
        E::EndEntityUsedAsCa,
        E::ExtensionValueInvalid,
        E::InvalidCrlNumber,
        E::InvalidNetworkMaskConstraint,
        E::InvalidSerialNumber,
        E::MalformedDnsIdentifier,
        E::MalformedExtensions,
        E::MalformedNameConstraint,
        E::MaximumNameConstraintComparisonsExceeded,
        E::MaximumPathBuildCallsExceeded,
        E::MaximumPathDepthExceeded,
        E::MaximumSignatureChecksExceeded,
        E::NameConstraintViolation,
        E::PathLenConstraintViolated,
        E::SignatureAlgorithmMismatch,
        E::UnsupportedCertVersion,
        E::UnsupportedCriticalExtension,
        E::UnsupportedCrlIssuingDistributionPoint,
        E::UnsupportedCrlVersion,
        E::UnsupportedDeltaCrl,
        E::UnsupportedIndirectCrl,
        E::UnsupportedNameType,
        E::UnsupportedRevocationReason,
        E::UnsupportedRevocationReasonsPartitioning,
    ]
}

#[test]
fn each_failure_has_words_of_its_own_and_no_structure() {
    for why in of_rustls().into_iter().chain(of_the_path().into_iter().map(other)) {
        assert_ne!(advice(&why), ANOTHER, "{why:?}");
        let what = what(&why);
        for mark in ["Other", "[", "{", "AlgorithmIdentifier"] {
            assert!(!what.contains(mark), "{what}");
        }
    }
}

#[test]
fn what_a_verifier_of_the_program_says_is_passed_on() {
    let own = other(std::io::Error::other("not on Sundays"));
    assert_eq!(what(&own), "not on Sundays");
    assert_eq!(advice(&own), ANOTHER);
    assert_eq!(what(&other(PathError::UnsupportedCertVersion)), "UnsupportedCertVersion");
}

/// Time mends what time broke; the rest needs somebody.
#[test]
fn what_time_may_mend_does_not_last() {
    let passing: Vec<_> = of_rustls().into_iter().filter(|why| !is_lasting(why)).collect();
    let names: Vec<_> = passing.iter().map(name).collect();
    let wanted = [
        "Expired",
        "ExpiredContext",
        "NotValidYet",
        "NotValidYetContext",
        "UnknownRevocationStatus",
        "ExpiredRevocationList",
        "ExpiredRevocationListContext",
        "InvalidOcspResponse",
    ];
    assert_eq!(names, wanted);
    assert!(of_the_path().into_iter().map(other).all(|why| is_lasting(&why)));
}
