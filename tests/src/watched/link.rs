//! One link: two sockets, two threads, packet by packet.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use mqtt_as_proto::Version;
use mqtt_as_proto::frame::Frame;
use mqtt_as_proto::packet::{Packet, PacketType};
use socket2::SockRef;

use super::{End, Fate, Passing, Shared, Silence, Way, What, locked};

/// How often a silent link looks whether it has ended.
const TICK: Duration = Duration::from_millis(5);

/// What a socket holds that is not read: little, so that a peer that never reads is felt.
const RECEIVE_BUFFER: usize = 64 * 1024;

#[derive(Debug)]
pub(super) struct Link {
    number: u32,
    client: TcpStream,
    server: TcpStream,
    ended: AtomicBool,
    silent: AtomicBool,
    packets: AtomicU32,
    is_v5: AtomicBool,
    shared: Arc<Shared>,
}

impl Link {
    pub(super) fn open(
        number: u32,
        client: TcpStream,
        server: TcpStream,
        shared: &Arc<Shared>,
    ) -> io::Result<Arc<Self>> {
        client.set_nodelay(true)?;
        server.set_nodelay(true)?;
        SockRef::from(&client).set_recv_buffer_size(RECEIVE_BUFFER)?;
        let link = Arc::new(Self {
            number,
            client,
            server,
            ended: AtomicBool::new(false),
            silent: AtomicBool::new(false),
            packets: AtomicU32::new(0),
            is_v5: AtomicBool::new(false),
            shared: Arc::clone(shared),
        });
        for way in [Way::Up, Way::Down] {
            let link = Arc::clone(&link);
            thread::spawn(move || link.carry(way));
        }
        Ok(link)
    }

    fn has_ended(&self) -> bool {
        self.ended.load(Ordering::SeqCst)
    }

    /// Both ends lose the link. A reset goes out when the sockets close, at the end of both threads,
    /// which this wakes.
    pub(super) fn end(&self, how: End) {
        if self.ended.swap(true, Ordering::SeqCst) {
            return;
        }
        // Not `Way::Up`: the client has not left, and takes what is on its way.
        self.shared.tell(self.number, Way::Down, What::End);
        for socket in [&self.client, &self.server] {
            let _ = match how {
                End::Close => socket.shutdown(Shutdown::Both),
                End::Reset => SockRef::from(socket)
                    .set_linger(Some(Duration::ZERO))
                    .and_then(|()| socket.shutdown(Shutdown::Read)),
            };
        }
    }

    fn carry(&self, way: Way) {
        let (mut from, to) = match way {
            Way::Up => (&self.client, &self.server),
            Way::Down => (&self.server, &self.client),
        };
        let mut waiting = Vec::new();
        let mut buffer = [0; 16 * 1024];
        while !self.has_ended() {
            if way == Way::Up && self.shared.silence() == Silence::Deaf {
                thread::sleep(TICK);
                continue;
            }
            let len = match from.read(&mut buffer) {
                Ok(0) => return self.half_close(way, to),
                Ok(len) => len,
                Err(_) => return self.end(End::Reset),
            };
            if self.is_lost(way) {
                continue;
            }
            waiting.extend_from_slice(&buffer[..len]);
            if self.pass(way, &mut waiting, to).is_err() {
                return self.end(End::Reset);
            }
        }
    }

    /// The other direction may still have something to say.
    fn half_close(&self, way: Way, to: &TcpStream) {
        if !self.has_ended() {
            self.shared.tell(self.number, way, What::End);
            let _ = to.shutdown(Shutdown::Write);
        }
    }

    /// Bytes that are missing once make nonsense of all that follows: such a link stays silent.
    fn is_lost(&self, way: Way) -> bool {
        let silence = self.shared.silence();
        let now = silence == Silence::BlackHole || silence == Silence::Mute && way == Way::Down;
        if now {
            self.silent.store(true, Ordering::SeqCst);
        }
        now || self.silent.load(Ordering::SeqCst)
    }

    /// Passes on the packets that are whole.
    fn pass(&self, way: Way, waiting: &mut Vec<u8>, mut to: &TcpStream) -> io::Result<()> {
        let mut bytes = &waiting[..];
        while let Ok(Some((frame, rest))) = Frame::split(bytes) {
            let (whole, _) = bytes.split_at(bytes.len() - rest.len());
            match self.look(way, frame, whole.len()) {
                Fate::Pass => to.write_all(whole)?,
                Fate::End { after, how } => {
                    to.write_all(&whole[..after.min(whole.len())])?;
                    self.end(how);
                    break;
                }
            }
            bytes = rest;
        }
        let left = bytes.len();
        waiting.drain(..waiting.len() - left);
        Ok(())
    }

    /// Asks the plan, and keeps what passes whole.
    fn look(&self, way: Way, frame: Frame<'_>, len: usize) -> Fate {
        let version = match self.is_v5.load(Ordering::SeqCst) {
            true => Version::V5,
            false => Version::V311,
        };
        let packet = Packet::decode(frame, version).ok();
        if let Some(Packet::Connect(connect)) = &packet {
            self.is_v5.store(connect.version == Version::V5, Ordering::SeqCst);
        }
        let Some(kind) = PacketType::from_first_byte(frame.first) else { return Fate::Pass };
        let before = self.packets.fetch_add(1, Ordering::SeqCst);
        let packet = packet.as_ref();
        let passing = Passing { link: self.number, before, way, kind, len, packet };
        let fate = locked(&self.shared.plan)(&passing);
        if fate == Fate::Pass {
            let what = packet.map_or(What::Other, What::of);
            self.shared.tell(self.number, way, what);
        }
        fate
    }
}
