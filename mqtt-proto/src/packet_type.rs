//! What every packet is marked with: its type, its QoS, its version.

use core::fmt;

/// The protocol version of a connection: a value, not a type.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Version {
    /// MQTT 3.1.1, protocol level 4.
    V311,
    /// MQTT 5.0, protocol level 5.
    #[default]
    V5,
}

impl Version {
    /// The protocol level as CONNECT carries it.
    ///
    /// ```
    /// # use mqtt_as_proto::Version;
    /// assert_eq!((Version::V311.level(), Version::V5.level()), (4, 5));
    /// ```
    #[must_use]
    pub const fn level(self) -> u8 {
        match self {
            Self::V311 => 4,
            Self::V5 => 5,
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V311 => "3.1.1",
            Self::V5 => "5.0",
        })
    }
}

/// Quality of service (4.3): how hard the parties try to deliver a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum QoS {
    /// QoS 0: delivered once or not at all.
    #[default]
    AtMostOnce = 0,
    /// QoS 1: delivered, perhaps more than once.
    AtLeastOnce = 1,
    /// QoS 2: delivered once.
    ExactlyOnce = 2,
}

impl QoS {
    /// The QoS that stands on the wire as `bits`; `None` for 3 and above.
    ///
    /// ```
    /// # use mqtt_as_proto::QoS;
    /// assert_eq!(QoS::from_bits(1), Some(QoS::AtLeastOnce));
    /// assert_eq!(QoS::from_bits(3), None);
    /// ```
    #[must_use]
    pub const fn from_bits(bits: u8) -> Option<Self> {
        match bits {
            0 => Some(Self::AtMostOnce),
            1 => Some(Self::AtLeastOnce),
            2 => Some(Self::ExactlyOnce),
            _ => None,
        }
    }
}

macro_rules! packet_types {
    ($($name:ident = $number:literal $text:literal;)+) => {
        /// The type of a control packet (2.1.2).
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[allow(missing_docs)] // Their names are the standard's, and say all.
        #[cfg_attr(feature = "defmt", derive(defmt::Format))]
        pub enum PacketType {
            $($name = $number,)+
        }

        impl PacketType {
            /// Returns the type in the first byte of a packet; `None` for the reserved type 0.
            ///
            /// ```
            /// # use mqtt_as_proto::PacketType;
            /// assert_eq!(PacketType::from_first_byte(0x32), Some(PacketType::Publish));
            /// ```
            #[must_use]
            #[inline]
            pub const fn from_first_byte(first: u8) -> Option<Self> {
                match first >> 4 {
                    $($number => Some(Self::$name),)+
                    _ => None,
                }
            }

            const fn text(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)+
                }
            }
        }
    };
}

packet_types! {
    Connect = 1 "CONNECT";
    ConnAck = 2 "CONNACK";
    Publish = 3 "PUBLISH";
    PubAck = 4 "PUBACK";
    PubRec = 5 "PUBREC";
    PubRel = 6 "PUBREL";
    PubComp = 7 "PUBCOMP";
    Subscribe = 8 "SUBSCRIBE";
    SubAck = 9 "SUBACK";
    Unsubscribe = 10 "UNSUBSCRIBE";
    UnsubAck = 11 "UNSUBACK";
    PingReq = 12 "PINGREQ";
    PingResp = 13 "PINGRESP";
    Disconnect = 14 "DISCONNECT";
    Auth = 15 "AUTH";
}

/// The will inside CONNECT, as a place for properties: the bit that no packet type has.
pub(crate) const WILL: u16 = 1;

impl PacketType {
    /// The first byte of such a packet. PUBLISH has flags of its own beside it.
    ///
    /// ```
    /// # use mqtt_as_proto::PacketType;
    /// assert_eq!(PacketType::PingReq.first_byte(), 0xc0);
    /// ```
    #[must_use]
    pub const fn first_byte(self) -> u8 {
        let flags = match self {
            Self::PubRel | Self::Subscribe | Self::Unsubscribe => 2, // [MQTT-2.1.3-1]
            _ => 0,
        };
        ((self as u8) << 4) | flags
    }

    /// One bit a type, for tables of places.
    pub(crate) const fn bit(self) -> u16 {
        1_u16.wrapping_shl(self as u32)
    }
}

/// What carries properties: a packet, or the will inside CONNECT.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Carrier {
    /// A packet of that type.
    Packet(PacketType),
    /// The will inside CONNECT.
    Will,
}

impl Carrier {
    /// The carrier whose bit that is.
    pub(crate) fn of(place: u16) -> Self {
        // Below 16.
        let kind = PacketType::from_first_byte((place.trailing_zeros() as u8).wrapping_shl(4));
        kind.map_or(Self::Will, Self::Packet)
    }
}

impl From<PacketType> for Carrier {
    fn from(packet: PacketType) -> Self {
        Self::Packet(packet)
    }
}

impl fmt::Display for Carrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Packet(packet) => packet.fmt(f),
            Self::Will => f.write_str("the will"),
        }
    }
}

impl fmt::Display for PacketType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}
