use std::format;
use std::vec::Vec;

use super::*;

/// Those that are no refusal.
const PASSING: [(u8, &str); 13] = [
    (0, "CloseNotify"),
    (10, "UnexpectedMessage"),
    (20, "BadRecordMac"),
    (21, "DecryptionFailed"),
    (22, "RecordOverflow"),
    (30, "DecompressionFailure"),
    (47, "IllegalParameter"),
    (50, "DecodeError"),
    (80, "InternalError"),
    (90, "UserCanceled"),
    (100, "NoRenegotiation"),
    (111, "CertificateUnobtainable"),
    (115, "UnknownPSKIdentity"),
];

/// Those that are one.
const REFUSED: [(u8, &str); 22] = [
    (40, "HandshakeFailure"),
    (41, "NoCertificate"),
    (42, "BadCertificate"),
    (43, "UnsupportedCertificate"),
    (44, "CertificateRevoked"),
    (45, "CertificateExpired"),
    (46, "CertificateUnknown"),
    (48, "UnknownCA"),
    (49, "AccessDenied"),
    (51, "DecryptError"),
    (60, "ExportRestriction"),
    (70, "ProtocolVersion"),
    (71, "InsufficientSecurity"),
    (86, "InappropriateFallback"),
    (109, "MissingExtension"),
    (110, "UnsupportedExtension"),
    (112, "UnrecognisedName"),
    (113, "BadCertificateStatusResponse"),
    (114, "BadCertificateHashValue"),
    (116, "CertificateRequired"),
    (120, "NoApplicationProtocol"),
    (121, "EncryptedClientHelloRequired"),
];

#[test]
fn each_alert_is_a_refusal_or_passes() {
    for (is_lasting, list) in [(false, &PASSING[..]), (true, &REFUSED[..])] {
        for (code, name) in list {
            let alert = AlertDescription::from(*code);
            assert_eq!(format!("{alert:?}"), *name);
            assert_eq!(Meaning::new(alert).is_lasting(), is_lasting, "{name}");
        }
    }
}

/// An alert that rustls learns is to be judged, too.
#[test]
fn no_alert_that_has_a_name_is_forgotten() {
    let judged: Vec<_> = PASSING.iter().chain(&REFUSED).map(|(code, _)| *code).collect();
    let unknown = Meaning::new(AlertDescription::Unknown(255));
    for code in 0..=255 {
        let alert = AlertDescription::from(code);
        let is_known = !matches!(alert, AlertDescription::Unknown(_));
        assert_eq!(is_known, judged.contains(&code), "{alert:?}");
        assert_eq!(is_known, Meaning::new(alert) != unknown, "{alert:?} has words of its own");
    }
}
