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
    pub(crate) const NONE: Self = Self { codes: [ReasonCode::SUCCESS; MOST], len: 0 };

    /// The codes that stand on the wire, as far as one call can have asked for them.
    pub(crate) fn new(wire: &[u8]) -> Self {
        let mut granted = Self { len: wire.len().min(MOST) as u8, ..Self::NONE };
        for (place, code) in granted.codes.iter_mut().zip(wire) {
            *place = ReasonCode::from_u8(*code);
        }
        granted
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
