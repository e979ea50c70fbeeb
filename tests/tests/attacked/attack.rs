//! What an attack is.

/// What the program does meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Program {
    /// It takes every message.
    Takes,
    /// It will take messages, and does not.
    Asks,
    /// It has not asked for messages; it does when the attack is over.
    Sleeps,
}

/// How it has to end.
#[derive(Clone, Copy, Debug)]
pub(crate) enum End {
    /// All of it is read, and the connection stands.
    Stands,
    /// The connection stands, and is not read on.
    Waits,
    /// The connection ends for a fault that has that code: a 5.0 server is told it.
    Told(u8),
}

#[derive(Debug)]
pub(crate) struct Attack {
    pub(crate) name: String,
    pub(crate) v5: bool,
    pub(crate) connack: Vec<u8>,
    pub(crate) bytes: Vec<u8>,
    /// The last message, by which the program knows that it is over.
    pub(crate) last: Vec<u8>,
    pub(crate) program: Program,
    pub(crate) end: End,
    /// The attacker reads what the client says.
    pub(crate) reads: bool,
    /// Identifiers of QoS 2 messages that are never released stay.
    pub(crate) records: bool,
    /// The client authenticates itself with the method `M`, and answers each step.
    pub(crate) authenticates: bool,
    /// Its bytes come again and again.
    pub(crate) is_flood: bool,
}

impl Attack {
    pub(crate) fn new(name: &str, v5: bool, program: Program, end: End, bytes: Vec<u8>) -> Self {
        let connack: &[u8] = if v5 { &[0x20, 3, 0, 0, 0] } else { &[0x20, 2, 0, 0] };
        let last: &[u8] = if v5 { b"\x30\x06\0\x03end\0" } else { b"\x30\x05\0\x03end" };
        Self {
            is_flood: bytes.len() > 128 * 1024,
            name: name.to_owned(),
            v5,
            connack: connack.to_vec(),
            bytes,
            last: last.to_vec(),
            program,
            end,
            reads: true,
            records: false,
            authenticates: false,
        }
    }

    /// Its bytes come once, whatever the other client does.
    pub(crate) fn once(self) -> Self {
        Self { is_flood: false, ..self }
    }

    /// The attacker reads nothing.
    pub(crate) fn deaf(self) -> Self {
        Self { reads: false, ..self }
    }

    pub(crate) fn recorded(self) -> Self {
        Self { records: true, ..self }
    }

    /// With another CONNACK.
    pub(crate) fn accepting(self, connack: Vec<u8>) -> Self {
        Self { connack, ..self }
    }

    pub(crate) fn authenticating(self) -> Self {
        Self { authenticates: true, ..self }
    }
}
