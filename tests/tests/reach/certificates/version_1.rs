//! A certificate without its extensions, of X.509 version 1 then, which `rcgen` does not make.

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// What stands before the version, and before the extensions (RFC 5280, section 4.1).
const LEFT_OUT: [u8; 2] = [0xa0, 0xa3];

/// Returns the certificate anew, as PEM: without version and extensions, signed by `sign`.
pub(super) fn pem(certificate: &[u8], sign: impl Fn(&[u8]) -> Vec<u8>) -> String {
    let (_, whole, _) = element(certificate);
    let (_, said, rest) = element(whole);
    let (_, _, after) = element(rest);
    let algorithm = &rest[..rest.len() - after.len()];
    let said = sequence(&kept(said));
    let mut signature = vec![0]; // No bit is left over.
    signature.extend(sign(&said));
    let signature = tagged(3, &signature);
    base64(&sequence(&[&said, algorithm, &signature].concat()))
}

fn kept(mut elements: &[u8]) -> Vec<u8> {
    let mut kept = Vec::new();
    while !elements.is_empty() {
        let (tag, _, rest) = element(elements);
        if !LEFT_OUT.contains(&tag) {
            kept.extend(&elements[..elements.len() - rest.len()]);
        }
        elements = rest;
    }
    kept
}

/// The tag of the first element of DER, what it holds, and what follows.
fn element(der: &[u8]) -> (u8, &[u8], &[u8]) {
    let (tag, first) = (der[0], usize::from(der[1]));
    let digits = first.saturating_sub(0x80);
    let long = der[2..2 + digits].iter().fold(0, |length, digit| length << 8 | usize::from(*digit));
    let length = if digits == 0 { first } else { long };
    let (held, rest) = der[2 + digits..].split_at(length);
    (tag, held, rest)
}

fn sequence(held: &[u8]) -> Vec<u8> {
    tagged(0x30, held)
}

fn tagged(tag: u8, held: &[u8]) -> Vec<u8> {
    let length = u16::try_from(held.len()).expect("a short certificate").to_be_bytes();
    let head = [&[tag, 0x82][..], &length].concat();
    // The shortest form, as DER wants it.
    let head = match length {
        [0, short] if short < 0x80 => vec![tag, short],
        [0, short] => vec![tag, 0x81, short],
        _ => head,
    };
    [&head, held].concat()
}

fn base64(der: &[u8]) -> String {
    let mut text = String::from("-----BEGIN CERTIFICATE-----\n");
    for line in der.chunks(48) {
        line.chunks(3).for_each(|three| text.push_str(&four(three)));
        text.push('\n');
    }
    text + "-----END CERTIFICATE-----\n"
}

fn four(three: &[u8]) -> String {
    let bits = three.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte));
    let bits = bits << (8 * (3 - three.len()));
    let letter = |place: usize| {
        let index = bits >> (18 - 6 * place) & 63;
        if place > three.len() { '=' } else { char::from(ALPHABET[index as usize]) }
    };
    (0..4).map(letter).collect()
}
