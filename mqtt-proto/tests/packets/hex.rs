//! The notation of the tables: `82 07  ; SUBSCRIBE`, `'MQTT'` for text, `00x124` for repetition.

/// The bytes of a text in that notation; `;` begins a comment.
pub(crate) fn bytes(text: &str) -> Vec<u8> {
    text.lines()
        .map(|line| line.split_once(';').map_or(line, |(code, _)| code))
        .flat_map(str::split_whitespace)
        .flat_map(token)
        .collect()
}

fn token(token: &str) -> Vec<u8> {
    if let Some(text) = token.strip_prefix('\'') {
        return text.strip_suffix('\'').expect("an unclosed quote").into();
    }
    let (byte, count) = token.split_once('x').unwrap_or((token, "1"));
    assert_eq!(byte.len(), 2, "{token} is no byte");
    vec![u8::from_str_radix(byte, 16).unwrap(); count.parse().unwrap()]
}

#[test]
fn the_notation() {
    assert_eq!(bytes("C0 0f ; a comment 'x'\n 'ab' 00x3"), b"\xc0\x0fab\0\0\0");
}
