//! The connection of a world: packets on their way.

use std::collections::VecDeque;
use std::format;
use std::string::String;
use std::vec::Vec;

use super::world::World;
use crate::frame::FixedHeader;
use crate::packet::PacketType;

/// The connection.
#[derive(Clone, Debug, Default, Hash)]
pub(super) struct Wire {
    pub(super) to_server: VecDeque<Vec<u8>>,
    pub(super) to_client: VecDeque<Vec<u8>>,
    /// The beginning of a packet that was written.
    pub(super) partial: Vec<u8>,
    /// The server's end is open, and it has accepted CONNECT.
    pub(super) is_served: bool,
    pub(super) is_accepted: bool,
}

/// The first byte of PUBREL.
const RELEASE: u8 = 0x62;

impl World<'_> {
    /// The transport takes so many bytes of the next packet. False if there is none.
    pub(super) fn write(&mut self, most: usize) -> Result<bool, String> {
        if self.out.is_empty() {
            let wants = self.client.wants_transmit();
            let some = self.with_events(|world, tell| {
                world.client.poll_transmit(&mut world.out, world.now, tell)
            })?;
            if some && !wants {
                return Err("something is to be written, and nobody said so".into());
            }
        }
        let Some(wire) = &mut self.wire else { return Ok(false) };
        let chunk = self.out.chunk();
        if chunk.is_empty() {
            return Ok(false);
        }
        let mut packet = wire.partial.clone();
        packet.extend_from_slice(chunk);
        let len = FixedHeader::read(&packet).unwrap().unwrap().packet_len();
        packet.truncate(len);
        let before = wire.partial.len();
        let n = (len - before).min(most);
        self.out.advance(n);
        self.client.handle_transmitted(n, self.now);
        if before == 0 {
            self.rules.begun(&packet)?;
        }
        wire.partial = packet[..before + n].to_vec();
        if before + n == len {
            wire.partial.clear();
            self.rules.sent(&packet)?;
            let is_release = self.rules.clears_all() && packet[0] == RELEASE;
            if !wire.is_served {
                return Ok(true);
            }
            match wire.to_server.back_mut() {
                // As one step: there are 32 at a time, and no two orders of them matter.
                Some(before) if is_release && before[0] == RELEASE => before.extend(packet),
                _ => wire.to_server.push_back(packet),
            }
            if is_release && self.out.chunk().first() == Some(&RELEASE) {
                return self.write(most);
            }
        }
        Ok(true)
    }

    pub(super) fn arrive_there(&mut self) -> Result<(), String> {
        let packets = self.wire.as_mut().and_then(|wire| wire.to_server.pop_front());
        let Some(packets) = packets else { return Ok(()) };
        for packet in split(&packets) {
            self.serve(packet)?;
        }
        if let Some(wire) = &mut self.wire {
            wire.is_accepted = true; // CONNECT comes first.
        }
        self.carry();
        if !self.server.is_connected {
            self.lose_server(); // DISCONNECT.
        }
        Ok(())
    }

    /// The server deals with a packet.
    pub(super) fn serve(&mut self, packet: &[u8]) -> Result<(), String> {
        let kind = PacketType::from_first_byte(packet[0]);
        if let (
            Some(PacketType::PubAck | PacketType::PubRec),
            [.., 2 | 3, high, low] | [_, 3, high, low, _],
        ) = (kind, packet)
        {
            let number = self.server.number(u16::from_be_bytes([*high, *low]));
            number.map_or(Ok(()), |number| self.ledger.acknowledgement(number))?;
        }
        let before = self.server.accepted.len();
        self.server.handle(packet)?;
        for (number, qos) in &self.server.accepted[before..] {
            self.ledger.accepted(*number, *qos, self.server.births)?;
        }
        Ok(())
    }

    /// What the server says goes on its way.
    pub(super) fn carry(&mut self) {
        let said = self.server.take_said();
        if let Some(wire) = self.wire.as_mut().filter(|wire| wire.is_served && wire.is_accepted) {
            let clears = said.len() > 8;
            match clears {
                true => wire.to_client.push_back(said.concat()),
                false => wire.to_client.extend(said),
            }
        }
    }

    pub(super) fn arrive_here(&mut self) -> Result<(), String> {
        let packet = self.wire.as_mut().and_then(|wire| wire.to_client.pop_front());
        let Some(packet) = packet else { return Ok(()) };
        if !self.client.is_closing() && self.client.link.goodbye.is_none() {
            split(&packet).into_iter().for_each(|packet| self.rules.received(packet));
        }
        let handled = self.with_events(|world, tell| {
            world.client.handle_bytes((&*packet).into(), world.now, tell)
        })?;
        let handled = handled.map_err(|error| format!("the client fails: {error}"))?;
        if handled.used == 0 {
            let wire = self.wire.as_mut().ok_or("no wire")?;
            wire.to_client.push_front(packet);
        } else if handled.used != packet.len() {
            return Err(format!("{handled:?} of {packet:?}"));
        }
        Ok(())
    }

    pub(super) fn lose(&mut self) -> Result<(), String> {
        self.lose_server();
        self.wire = None;
        self.out.clear();
        self.rules.end_connection();
        self.with_events(|world, tell| world.client.handle_connection_lost(tell))?;
        Ok(())
    }

    pub(super) fn lose_server(&mut self) {
        self.server.lose();
        if let Some(wire) = &mut self.wire {
            wire.is_served = false;
            wire.to_server.clear();
        }
    }
}

fn split(mut packets: &[u8]) -> Vec<&[u8]> {
    let mut all = Vec::new();
    while let Ok(Some(header)) = FixedHeader::read(packets) {
        let len = header.packet_len();
        all.push(&packets[..len]);
        packets = &packets[len..];
    }
    all
}
