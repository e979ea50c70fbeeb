//! What the server answers to a request: a reason code per filter.

use core::fmt;

use mqtt_as_proto::{QoS, ReasonCode};

/// Filters that one call takes.
pub(crate) const MOST: usize = 16;

/// The server's answer per filter.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Granted {
    codes: [ReasonCode; MOST],
    len: u8,
}

impl Granted {
    pub(crate) fn new(packed: Codes) -> Self {
        let mut codes = [ReasonCode::SUCCESS; MOST];
        for (at, code) in codes.iter_mut().enumerate() {
            *code = packed.get(at);
        }
        Self { codes, len: packed.len }
    }

    /// The reason codes in the order of the filters; empty for `unsubscribe` in 3.1.1.
    #[must_use]
    pub fn reason_codes(&self) -> &[ReasonCode] {
        self.codes.get(..usize::from(self.len)).unwrap_or_default()
    }

    /// Per filter the granted QoS, or the reason to refuse it.
    pub fn results(&self) -> impl Iterator<Item = Result<QoS, ReasonCode>> + '_ {
        self.reason_codes().iter().map(|code| QoS::from_bits(code.as_u8()).ok_or(*code))
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for Granted {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "{}", self.reason_codes());
    }
}

impl fmt::Debug for Granted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.reason_codes()).finish()
    }
}

/// The codes that SUBACK and UNSUBACK may have (3.9.3, 3.11.3): each is named by four bits, so that
/// sixteen of them take no more than a waiter has.
const NAMED: [u8; 13] =
    [0x00, 0x01, 0x02, 0x11, 0x80, 0x83, 0x87, 0x8F, 0x91, 0x97, 0x9E, 0xA1, 0xA2];

/// As many codes, packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Codes {
    packed: [u32; 2],
    len: u8,
}

impl Codes {
    pub(crate) const NONE: Self = Self { packed: [0; 2], len: 0 };

    pub(crate) fn new(wire: &[u8]) -> Self {
        let mut codes = Self { packed: [0; 2], len: wire.len().min(MOST) as u8 };
        for (at, code) in wire.iter().enumerate().take(MOST) {
            let name = NAMED.iter().position(|known| known == code).unwrap_or(UNSPECIFIED);
            codes.packed[at / 8] |= (name as u32) << (at % 8 * 4);
        }
        codes
    }

    /// The first one, if there is any.
    pub(crate) fn first(self) -> Option<ReasonCode> {
        (self.len != 0).then(|| self.get(0))
    }

    fn get(self, at: usize) -> ReasonCode {
        let name = self.packed[at / 8] >> (at % 8 * 4) & 15;
        ReasonCode::from_u8(NAMED.get(name as usize).copied().unwrap_or_default())
    }
}

/// The name of a code that may not be there: the core has judged them.
const UNSPECIFIED: usize = 4;
